package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"

	"github.com/onsi/gomega"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// floodTime bounds one flood.
const floodTime = 20 * time.Second

// flood is a row of fixtures/wire/floods.yaml, which explains its fields.
type flood struct {
	Kind   string `json:"kind"`
	Frames int    `json:"frames"`
}

var _ = Checks.Add(floods)

// floods sends frames of HTTP/2 that cost a server more than a client.
func floods(s *stack.Stack) check.Check {
	s = s.Beside()
	return check.Check{
		Name:     "http2-floods",
		Parallel: true,
		Promise:  "rapid resets, endless CONTINUATION, pings, settings and empty data end their own connection, while other clients are served and Envoy keeps running",
		Run: func(ctx context.Context, t *check.T) {
			var corpus struct {
				Floods []flood `json:"floods"`
			}
			load(t, "floods", &corpus)
			r := kit.NewRoute(ctx, t, s, "wire", nil)
			life := kit.LookAtGateway(ctx, t, s)
			for _, f := range corpus.Floods {
				t.Diagnose(fmt.Sprintf("the gateway does not end a connection that floods it with %s frames", f.Kind),
					"look at http2_protocol_options of the gateway's listener in the config dump in the evidence", "https://www.envoyproxy.io/docs/envoy/latest/configuration/best_practices/edge")
				sent, ended, err := f.run(ctx, s, r.Host)
				t.Expect(err).NotTo(gomega.HaveOccurred(), "%s", f.Kind)
				t.Expect(ended).To(gomega.BeTrue(), "the connection after %d %s frames is still served", sent, f.Kind)
				response := r.Get(ctx, "/", nil)
				t.Expect(response.Status).To(gomega.Equal(200), "another client after the flood of %s: %s", f.Kind, response)
				t.Observe("%s: the connection was ended after %d of %d frames at most", f.Kind, sent, f.Frames)
			}
			life.MustBeTheSame(ctx, t, s)
		},
	}
}

// run floods one connection; ended says that the gateway ended it, sent how many
// frames were written until that was noticed.
func (f flood) run(ctx context.Context, s *stack.Stack, host string) (sent int, ended bool, err error) {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", address(s))
	if err != nil {
		return 0, false, err
	}
	defer func() { _ = connection.Close() }()
	if err := connection.SetDeadline(time.Now().Add(floodTime)); err != nil {
		return 0, false, err
	}
	if _, err := io.WriteString(connection, http2.ClientPreface); err != nil {
		return 0, false, err
	}
	framer := http2.NewFramer(connection, connection)
	if err := framer.WriteSettings(); err != nil {
		return 0, false, err
	}
	var closed atomic.Bool
	done := make(chan struct{})
	// Answers to a flood of control frames are left unread: they are what piles up.
	if f.Kind != "ping" && f.Kind != "settings" {
		go func() {
			defer close(done)
			closed.Store(readToEnd(framer))
		}()
	} else {
		close(done)
	}
	for sent = 0; sent < f.Frames && !closed.Load(); sent++ {
		if err := f.write(framer, sent, host); err != nil {
			return sent, isEnd(err), timeUp(err)
		}
	}
	if f.Kind == "ping" || f.Kind == "settings" {
		return sent, readToEnd(framer), nil
	}
	<-done
	return sent, closed.Load(), nil
}

// write sends the next frame of a flood.
func (f flood) write(framer *http2.Framer, i int, host string) error {
	stream := uint32(2*i + 1)
	switch f.Kind {
	case "reset":
		if err := framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: head(host), EndStream: true, EndHeaders: true}); err != nil {
			return err
		}
		return framer.WriteRSTStream(stream, http2.ErrCodeCancel)
	case "continuation":
		if i == 0 {
			return framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head(host)})
		}
		return framer.WriteContinuation(1, false, field(fmt.Sprintf("x-flood-%d", i), "0123456789"))
	case "ping":
		return framer.WritePing(false, [8]byte{1})
	case "settings":
		return framer.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 65535})
	case "empty-data":
		if i == 0 {
			return framer.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: head(host), EndHeaders: true})
		}
		return framer.WriteData(1, false, nil)
	default:
		return fmt.Errorf("unknown kind of flood %q", f.Kind)
	}
}

// readToEnd reads frames until the peer ends the connection or says that it will,
// and reports whether it did in time.
func readToEnd(framer *http2.Framer) bool {
	for {
		frame, err := framer.ReadFrame()
		if err != nil {
			return isEnd(err)
		}
		if _, ok := frame.(*http2.GoAwayFrame); ok {
			return true
		}
	}
}

// isEnd says that an error is the peer's end of the connection and not the time's.
func isEnd(err error) bool {
	var network net.Error
	return !errors.As(err, &network) || !network.Timeout()
}

// timeUp returns nil for the peer's end of the connection.
func timeUp(err error) error {
	if isEnd(err) {
		return nil
	}
	return fmt.Errorf("the gateway neither reads nor ends the connection: %w", err)
}

// head is the head of a request for the host.
func head(host string) []byte {
	return bytes.Join([][]byte{field(":method", "POST"), field(":scheme", "http"), field(":authority", host), field(":path", "/public?delay=1s")}, nil)
}

// field is one header, in an encoding that needs no state: what is sensitive is never
// indexed. To limit the table would do as well, but says so in front of the field,
// which is an error anywhere but at the head's beginning.
func field(name, value string) []byte {
	var b bytes.Buffer
	// A bytes.Buffer takes everything.
	_ = hpack.NewEncoder(&b).WriteField(hpack.HeaderField{Name: name, Value: value, Sensitive: true})
	return b.Bytes()
}
