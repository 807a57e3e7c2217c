package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"
)

// grpcService has four methods, one of each kind. Messages are strings in the
// well-known wrapper type, so that no code has to be generated; answers are
// Answers as JSON. A call orders its failure by metadata: x-order-code is the
// code to fail with, x-order-attempts for how many attempts; x-order-delay is how
// long a call takes.
var grpcService = grpc.ServiceDesc{
	ServiceName: "conformance.Backend",
	HandlerType: (*any)(nil),
	Methods:     []grpc.MethodDesc{{MethodName: "Unary", Handler: unary}},
	Streams: []grpc.StreamDesc{
		// Down sends as many messages as the number in the request says.
		{StreamName: "Down", Handler: down, ServerStreams: true},
		// Up answers once, when the client is done.
		{StreamName: "Up", Handler: up, ClientStreams: true},
		// Both sends every message back as it comes.
		{StreamName: "Both", Handler: both, ServerStreams: true, ClientStreams: true},
	},
}

// maxMessages bounds what Down sends.
const maxMessages = 10000

func newGRPCServer(b *backend, options ...grpc.ServerOption) *grpc.Server {
	server := grpc.NewServer(options...)
	server.RegisterService(&grpcService, b)
	return server
}

// grpc serves gRPC.
func (s *servers) grpc(address string, server *grpc.Server) {
	listener, err := new(net.ListenConfig).Listen(s.ctx, "tcp", address)
	if err != nil {
		s.errs <- err
		return
	}
	s.stop = append(s.stop, func(context.Context) error {
		server.Stop()
		return nil
	})
	s.start(address, func() error { return server.Serve(listener) })
}

// begin describes a call from its metadata; the error is the one it ordered.
func (b *backend) begin(ctx context.Context, path string) (Answer, error) {
	a := b.answer()
	a.Protocol, a.Method, a.Path, a.Headers = "gRPC", http.MethodPost, path, http.Header{}
	incoming, _ := metadata.FromIncomingContext(ctx)
	for name, values := range incoming {
		a.Headers[http.CanonicalHeaderKey(name)] = values
	}
	a.ID, a.Host = a.Headers.Get(idHeader), a.Headers.Get(":authority")
	code, limit := 0, 0
	for name, value := range map[string]*int{"x-envoy-attempt-count": &a.Attempt, "x-order-code": &code, "x-order-attempts": &limit} {
		if text := a.Headers.Get(name); text != "" {
			var err error
			if *value, err = strconv.Atoi(text); err != nil {
				return a, status.Errorf(codes.InvalidArgument, "%s: %v", name, err)
			}
		}
	}
	if text := a.Headers.Get("x-order-delay"); text != "" {
		delay, err := time.ParseDuration(text)
		if err != nil {
			return a, status.Errorf(codes.InvalidArgument, "x-order-delay: %v", err)
		}
		if !wait(ctx, delay) {
			return a, ctx.Err()
		}
	}
	if code != 0 && (limit == 0 || a.Attempt <= limit) {
		a.Status = code
		return a, errors.Join(b.record(a), status.Errorf(codes.Code(code), "as ordered, attempt %d", a.Attempt))
	}
	return a, nil
}

// finish logs a call and returns its answer as a message.
func (b *backend) finish(a Answer) (*wrapperspb.StringValue, error) {
	if err := b.record(a); err != nil {
		return nil, err
	}
	body, err := json.Marshal(a)
	if err != nil {
		return nil, err
	}
	return wrapperspb.String(string(body)), nil
}

func unary(server any, ctx context.Context, decode func(any) error, _ grpc.UnaryServerInterceptor) (any, error) { //nolint:revive // the order of gRPC's own handlers
	request := new(wrapperspb.StringValue)
	if err := decode(request); err != nil {
		return nil, err
	}
	b := server.(*backend)
	a, err := b.begin(ctx, "/conformance.Backend/Unary")
	if err != nil {
		return nil, err
	}
	a.Messages, a.Bytes = 1, int64(len(request.GetValue()))
	return b.finish(a)
}

func down(server any, stream grpc.ServerStream) error {
	b := server.(*backend)
	a, err := b.begin(stream.Context(), "/conformance.Backend/Down")
	if err != nil {
		return err
	}
	request := new(wrapperspb.StringValue)
	if err := stream.RecvMsg(request); err != nil {
		return err
	}
	n, err := strconv.Atoi(request.GetValue())
	if err != nil || n < 0 || n > maxMessages {
		return status.Errorf(codes.InvalidArgument, "want a number of messages up to %d, got %q", maxMessages, request.GetValue())
	}
	for i := range n {
		if err := stream.SendMsg(wrapperspb.String(strconv.Itoa(i))); err != nil {
			return err
		}
	}
	a.Messages = n
	return b.record(a)
}

func up(server any, stream grpc.ServerStream) error {
	b := server.(*backend)
	a, err := b.begin(stream.Context(), "/conformance.Backend/Up")
	if err != nil {
		return err
	}
	if err := receive(stream, &a, nil); err != nil {
		return err
	}
	answer, err := b.finish(a)
	if err != nil {
		return err
	}
	return stream.SendMsg(answer)
}

func both(server any, stream grpc.ServerStream) error {
	b := server.(*backend)
	a, err := b.begin(stream.Context(), "/conformance.Backend/Both")
	if err != nil {
		return err
	}
	if err := receive(stream, &a, stream.SendMsg); err != nil {
		return err
	}
	return b.record(a)
}

// receive counts messages until the client is done and hands each to reply.
func receive(stream grpc.ServerStream, a *Answer, reply func(any) error) error {
	for {
		message := new(wrapperspb.StringValue)
		err := stream.RecvMsg(message)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("after %d messages: %w", a.Messages, err)
		}
		a.Messages++
		a.Bytes += int64(len(message.GetValue()))
		if reply == nil {
			continue
		}
		if err := reply(message); err != nil {
			return err
		}
	}
}
