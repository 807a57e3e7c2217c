package traffic

import (
	"context"
	"errors"
	"net"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/onsi/gomega"
	"golang.org/x/net/websocket"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// echoServers answer as the backend does; swallow makes them keep messages back.
func echoServers(t *testing.T, swallow *atomic.Bool) (webSocket *httptest.Server, grpcAddress string, stopGRPC func()) {
	t.Helper()
	webSocket = httptest.NewServer(websocket.Server{Handler: func(c *websocket.Conn) {
		var message string
		for websocket.Message.Receive(c, &message) == nil {
			if swallow.Load() {
				return
			}
			if websocket.Message.Send(c, message) != nil {
				return
			}
		}
	}})
	t.Cleanup(webSocket.Close)
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	server.RegisterService(&grpc.ServiceDesc{ServiceName: "conformance.Backend", HandlerType: (*any)(nil), Streams: []grpc.StreamDesc{{
		StreamName: "Both", ServerStreams: true, ClientStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
			for {
				message := &wrapperspb.StringValue{}
				if err := s.RecvMsg(message); err != nil || swallow.Load() {
					return err
				}
				if err := s.SendMsg(message); err != nil {
					return err
				}
			}
		},
	}}}, struct{}{})
	go func() { _ = server.Serve(listener) }() // It ends with Stop.
	t.Cleanup(server.Stop)
	return webSocket, listener.Addr().String(), server.Stop
}

// runStreams runs a kind until enough messages have come back.
func runStreams(t *testing.T, open func(context.Context) (stream, error), enough func(r *streamRun) bool) *streamRun {
	t.Helper()
	r := newStreamRun(streamKind{name: "x", streams: 2, interval: 5 * time.Millisecond, open: open}, time.Now(), &atomic.Int64{})
	end := make(chan struct{})
	go func() {
		defer close(end)
		for !enough(r) && t.Context().Err() == nil {
			time.Sleep(time.Millisecond) // the run is what is watched
		}
	}()
	r.run(t.Context(), end)
	return r
}

func (r *streamRun) counts() (ok, failed int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.errors {
		failed += n
	}
	return r.ok, failed
}

func TestStreamsEcho(t *testing.T) {
	swallow := &atomic.Bool{}
	ws, address, _ := echoServers(t, swallow)
	for name, open := range map[string]func(context.Context) (stream, error){
		"websocket": func(ctx context.Context) (stream, error) {
			return openWebSocket(ctx, strings.TrimPrefix(ws.URL, "http://"), "example.com")
		},
		"grpc": func(ctx context.Context) (stream, error) { return openGRPC(ctx, address, "example.com") },
	} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			r := runStreams(t, open, func(r *streamRun) bool { ok, _ := r.counts(); return ok >= 20 })
			u := r.report()
			g.Expect(u.Failed).To(gomega.BeZero(), "%v", u.Errors)
			g.Expect(u.Requests).To(gomega.BeNumerically(">=", 20))
			g.Expect(u.Opened).To(gomega.Equal(2))
			g.Expect(u.Timeline).NotTo(gomega.BeEmpty())

			// A server that ends streams with messages on their way loses them.
			swallow.Store(true)
			r = runStreams(t, open, func(r *streamRun) bool { _, failed := r.counts(); return failed >= 3 })
			swallow.Store(false)
			g.Expect(r.report().Errors).To(gomega.HaveKey(classLost))
		})
	}
}

// slow is a stream whose answers take a while.
type slow struct{ quiet }

const slowAnswer = 200 * time.Millisecond

func (slow) Echo(ctx context.Context, _ string) error {
	sleepUntil(ctx, time.Now().Add(slowAnswer))
	return nil
}

// While a message waits for its answer an outage would be noticed, although nothing
// more is sent.
func TestStreamsNoticeAnOutageWhileTheyWait(t *testing.T) {
	g := gomega.NewWithT(t)
	u := runStreams(t, func(context.Context) (stream, error) { return slow{quiet{make(chan struct{})}}, nil },
		func(r *streamRun) bool { ok, _ := r.counts(); return ok >= 4 }).report()
	g.Expect(u.LongestGapMillis).To(gomega.BeNumerically(">=", 0.9*slowAnswer.Seconds()*1e3), "without an answer")
	g.Expect(u.LongestSendGapMillis).To(gomega.BeNumerically("<", u.LongestGapMillis), "without a message on its way")
}

func TestStreamsThatCannotBeOpened(t *testing.T) {
	g := gomega.NewWithT(t)
	r := runStreams(t, func(ctx context.Context) (stream, error) { return openWebSocket(ctx, "127.0.0.1:1", "example.com") },
		func(r *streamRun) bool { _, failed := r.counts(); return failed >= 3 })
	g.Expect(r.report().Errors).To(gomega.HaveKey(classNotOpen))
}

// quiet is a stream that the other side ends between two messages.
type quiet struct{ end chan struct{} }

func (q quiet) Echo(context.Context, string) error { close(q.end); return nil }
func (q quiet) Ended() <-chan struct{}             { return q.end }
func (q quiet) Close() error                       { return nil }

// That a stream ends while nothing is on its way loses nothing.
func TestStreamsEndInPeace(t *testing.T) {
	g := gomega.NewWithT(t)
	r := runStreams(t, func(context.Context) (stream, error) { return quiet{make(chan struct{})}, nil },
		func(r *streamRun) bool { ok, _ := r.counts(); return ok >= 6 })
	u := r.report()
	g.Expect(u.Failed).To(gomega.BeZero())
	g.Expect(u.Opened).To(gomega.Equal(u.Requests))
}

// once is a stream that ends under its first message.
type once struct {
	quiet
	ends bool
}

func (o once) Echo(context.Context, string) error {
	if o.ends {
		return errors.New("cut")
	}
	return nil
}

// A message that was on its way is sent again, once, and counted.
func TestStreamsCutUnderAMessage(t *testing.T) {
	g := gomega.NewWithT(t)
	opened := atomic.Int32{}
	r := runStreams(t, func(context.Context) (stream, error) {
		return once{quiet{make(chan struct{})}, opened.Add(1) == 1}, nil
	}, func(r *streamRun) bool { ok, _ := r.counts(); return ok >= 6 })
	u := r.report()
	g.Expect(u.Failed).To(gomega.BeZero())
	g.Expect(u.Resent).To(gomega.Equal(1))
	g.Expect(u.Opened).To(gomega.Equal(3))
}
