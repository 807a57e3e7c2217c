package traffic

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	"golang.org/x/net/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"istio-conformance/suites/kit"
)

// streamKinds are the kinds on streams, to a backend that sends back what it gets.
func streamKinds(to Addresses) []streamKind {
	return []streamKind{
		{
			name: "websocket", description: "messages on WebSockets that are held as long as they live", streams: 4, interval: 400 * time.Millisecond,
			open: func(ctx context.Context) (stream, error) { return openWebSocket(ctx, to.HTTP, AppHost) },
		},
		{
			name: "grpc-stream", description: "messages on gRPC streams that are held as long as they live", streams: 4, interval: 400 * time.Millisecond,
			open: func(ctx context.Context) (stream, error) { return openGRPC(ctx, to.HTTP, AppHost) },
		},
	}
}

// tryStreams waits until each kind works once, before anything is counted.
func tryStreams(ctx context.Context, all []streamKind) error {
	for _, k := range all {
		err := kit.Until(ctx, settleTimeout, func(ctx context.Context) error {
			s, err := k.open(ctx)
			if err != nil {
				return err
			}
			return errors.Join(s.Echo(ctx, "first"), s.Close())
		})
		if err != nil {
			return fmt.Errorf("traffic %s: %w", k.name, err)
		}
	}
	return nil
}

// echoes is a stream by what sends and what receives.
type echoes struct {
	send    func(message string) error
	close   func() error
	answers chan string
	ended   chan struct{}
	why     error // of the end; read after ended is closed
	once    sync.Once
}

// newEchoes begins to receive. An answer that nobody waits for is dropped: its
// message has failed already.
func newEchoes(send func(string) error, receive func() (string, error), end func() error) *echoes {
	e := &echoes{send: send, answers: make(chan string, 1), ended: make(chan struct{})}
	e.close = func() (err error) {
		e.once.Do(func() { err = end() })
		return err
	}
	go func() {
		defer close(e.ended)
		for {
			message, err := receive()
			if err != nil {
				e.why = err
				return
			}
			select {
			case e.answers <- message:
			default:
			}
		}
	}()
	return e
}

// Echo implements stream.
func (e *echoes) Echo(ctx context.Context, message string) error {
	if err := e.send(message); err != nil {
		return err
	}
	for {
		select {
		case got := <-e.answers:
			if got == message {
				return nil
			}
		case <-e.ended:
			return fmt.Errorf("the stream has ended: %w", e.why)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// Ended implements stream.
func (e *echoes) Ended() <-chan struct{} { return e.ended }

// Close implements stream.
func (e *echoes) Close() error { return e.close() }

// openWebSocket opens one through the gateway.
func openWebSocket(ctx context.Context, address, host string) (stream, error) {
	connection, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	if deadline, limited := ctx.Deadline(); limited {
		if err := connection.SetDeadline(deadline); err != nil {
			return nil, err
		}
	}
	config := &websocket.Config{
		Location: &url.URL{Scheme: "ws", Host: host, Path: "/ws"}, Origin: &url.URL{Scheme: "http", Host: host}, Version: websocket.ProtocolVersionHybi13,
	}
	ws, err := websocket.NewClient(config, connection)
	if err != nil {
		_ = connection.Close() // Harmless: nothing was sent.
		return nil, fmt.Errorf("open a WebSocket: %w", err)
	}
	if err := connection.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	return newEchoes(
		func(message string) error { return websocket.Message.Send(ws, message) },
		func() (message string, err error) {
			err = websocket.Message.Receive(ws, &message)
			return message, err
		},
		ws.Close,
	), nil
}

// bothWays is a stream on which either side sends when it wants.
var bothWays = grpc.StreamDesc{StreamName: "Both", ServerStreams: true, ClientStreams: true}

// openGRPC opens a stream on a connection of its own through the gateway.
func openGRPC(ctx context.Context, address, host string) (stream, error) {
	connection, err := grpc.NewClient("passthrough:///"+address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority(host), grpc.WithDisableRetry())
	if err != nil {
		return nil, err
	}
	// The stream outlives the request that opens it.
	held, end := context.WithCancel(context.WithoutCancel(ctx))
	defer context.AfterFunc(ctx, end)() // it is only bound to it until it is open
	opened, err := connection.NewStream(held, &bothWays, "/conformance.Backend/Both")
	if err != nil {
		end()
		_ = connection.Close() // Harmless: nothing was sent.
		return nil, fmt.Errorf("open a gRPC stream: %w", err)
	}
	return newEchoes(
		func(message string) error { return opened.SendMsg(wrapperspb.String(message)) },
		func() (string, error) {
			message := &wrapperspb.StringValue{}
			err := opened.RecvMsg(message)
			return message.GetValue(), err
		},
		func() error {
			end()
			return connection.Close()
		},
	), nil
}
