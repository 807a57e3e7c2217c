package protocols

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/onsi/gomega"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// service is the backend's, see images/backend/grpc.go.
const service = "/conformance.Backend/"

const (
	// messages are how many go each way in a stream.
	messages = 20
	// callTimeout bounds a call with all its messages, each of which may have to
	// wait for the machine.
	callTimeout = 45 * time.Second
)

var _ = Checks.Add(grpcStreams)

// grpcStreams calls one method of each kind.
func grpcStreams(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "grpc-unary-and-streams",
		Parallel: true,
		Promise:  "gRPC calls of all four kinds pass the gateway with every message, in order, and in both directions at once: an answer comes before the next message is sent",
		Run: func(ctx context.Context, t *check.T) {
			client := newGRPC(ctx, t, s)
			t.Diagnose("a stream of gRPC does not pass the gateway whole",
				"look for the call in the gateway's access log in the evidence: flag UR, UC or DC says who ended it", docs)
			for _, call := range []struct {
				method string
				run    func(ctx context.Context, g grpcClient) (int, error)
			}{
				{"Unary", unary}, {"Down", down}, {"Up", up}, {"Both", both},
			} {
				id, _ := kit.Mark()
				n, err := call.run(mark(ctx, id), client)
				t.Expect(err).NotTo(gomega.HaveOccurred(), "%s after %d messages", call.method, n)
				want := messages
				if call.method == "Unary" {
					want = 1
				}
				t.Expect(n).To(gomega.Equal(want), "%s: messages that the client counted", call.method)
				t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).Should(gomega.ConsistOf(gomega.And(
					gomega.HaveField("Messages", want), gomega.HaveField("Path", service+call.method), gomega.HaveField("Host", client.host))),
					"%s: the backend's own log", call.method)
				t.Observe("%s: %d messages", call.method, n)
			}
		},
	}
}

var _ = Checks.Add(grpcRetries)

// grpcRetries calls a method that fails for some attempts.
func grpcRetries(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "grpc-retries",
		Parallel: true,
		Promise:  "a call that is UNAVAILABLE is retried as the route says and no more, and another code is not retried",
		Run: func(ctx context.Context, t *check.T) {
			client := newGRPC(ctx, t, s)
			t.Diagnose("the gateway does not retry gRPC as the VirtualService's retryOn says",
				"look at the route's retry_policy in the gateway's config dump in the evidence", "https://istio.io/latest/docs/reference/config/networking/virtual-service/#HTTPRetry")
			for _, c := range []struct {
				name           string
				code           codes.Code
				failing        string
				want           codes.Code
				attempts       int
				failedAttempts int
			}{
				{"two attempts unavailable, three retries allowed", codes.Unavailable, "2", codes.OK, 3, 2},
				{"unavailable for ever", codes.Unavailable, "0", codes.Unavailable, 4, 4},
				{"a code that is not retried", codes.InvalidArgument, "0", codes.InvalidArgument, 1, 1},
			} {
				id, _ := kit.Mark()
				ordered := metadata.AppendToOutgoingContext(mark(ctx, id), "x-order-code", strconv.Itoa(int(c.code)), "x-order-attempts", c.failing)
				_, err := unary(ordered, client)
				t.Expect(status.Code(err)).To(gomega.Equal(c.want), "%s: %v", c.name, err)
				var logged []kit.Answer
				t.Eventually(ctx, func() ([]kit.Answer, error) {
					logged, err = kit.BackendLog(ctx, s, id)
					return logged, err
				}).Should(gomega.HaveLen(c.attempts), "%s: attempts that the backend logged", c.name)
				failed := 0
				for _, a := range logged {
					if a.Status != int(codes.OK) {
						failed++
					}
				}
				t.Expect(failed).To(gomega.Equal(c.failedAttempts), "%s: attempts that the backend failed", c.name)
				t.Observe("%s: %s after %d attempts", c.name, c.want, c.attempts)
			}
		},
	}
}

// grpcClient calls the backend through the gateway.
type grpcClient struct {
	*grpc.ClientConn
	host string
}

// newGRPC makes a route to the backend's gRPC and waits until it is served.
func newGRPC(ctx context.Context, t *check.T, s *stack.Stack) grpcClient {
	r := kit.UnservedRoute(ctx, t, s, "grpc", nil)
	// What gRPC's own client retries would hide what the gateway does.
	connection, err := grpc.NewClient("passthrough:///"+strings.TrimPrefix(s.GatewayURL(), "http://"),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority(r.Host), grpc.WithDisableRetry())
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Cleanup(func() { _ = connection.Close() })
	client := grpcClient{connection, r.Host}
	t.Diagnose("the gateway does not lead gRPC to the backend", "look for the host in the gateway's access log in the evidence", docs)
	t.Eventually(ctx, func() error {
		_, err := unary(ctx, client)
		return err
	}).WithTimeout(kit.PropagationTimeout).Should(gomega.Succeed(), "%sUnary of %s", service, r.Host)
	return client
}

// mark makes the backend log a call.
func mark(ctx context.Context, id string) context.Context {
	return metadata.AppendToOutgoingContext(ctx, "x-conformance-id", id)
}

func unary(ctx context.Context, g grpcClient) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	reply := new(wrapperspb.StringValue)
	if err := g.Invoke(ctx, service+"Unary", wrapperspb.String("hello"), reply); err != nil {
		return 0, err
	}
	var answer kit.Answer
	return 1, json.Unmarshal([]byte(reply.GetValue()), &answer)
}

func down(ctx context.Context, g grpcClient) (int, error) {
	return stream(ctx, g, "Down", func(s grpc.ClientStream) (int, error) {
		if err := s.SendMsg(wrapperspb.String(strconv.Itoa(messages))); err != nil {
			return 0, err
		}
		if err := s.CloseSend(); err != nil {
			return 0, err
		}
		for n := 0; ; n++ {
			message := new(wrapperspb.StringValue)
			err := s.RecvMsg(message)
			if err == io.EOF { //nolint:errorlint // as gRPC documents it
				return n, nil
			}
			if err == nil && message.GetValue() != strconv.Itoa(n) {
				err = fmt.Errorf("message %d is %q", n, message.GetValue())
			}
			if err != nil {
				return n, err
			}
		}
	})
}

func up(ctx context.Context, g grpcClient) (int, error) {
	return stream(ctx, g, "Up", func(s grpc.ClientStream) (int, error) {
		for i := range messages {
			if err := s.SendMsg(wrapperspb.String(strconv.Itoa(i))); err != nil {
				return i, err
			}
		}
		if err := s.CloseSend(); err != nil {
			return messages, err
		}
		reply := new(wrapperspb.StringValue)
		if err := s.RecvMsg(reply); err != nil {
			return messages, err
		}
		var answer kit.Answer
		err := json.Unmarshal([]byte(reply.GetValue()), &answer)
		return answer.Messages, err
	})
}

// both waits for the answer to each message before it sends the next: a proxy
// that held messages back would stop it.
func both(ctx context.Context, g grpcClient) (int, error) {
	return stream(ctx, g, "Both", func(s grpc.ClientStream) (int, error) {
		for i := range messages {
			if err := s.SendMsg(wrapperspb.String(strconv.Itoa(i))); err != nil {
				return i, err
			}
			message := new(wrapperspb.StringValue)
			if err := s.RecvMsg(message); err != nil {
				return i, err
			}
			if message.GetValue() != strconv.Itoa(i) {
				return i, fmt.Errorf("the answer to message %d is %q", i, message.GetValue())
			}
		}
		if err := s.CloseSend(); err != nil {
			return messages, err
		}
		if err := s.RecvMsg(new(wrapperspb.StringValue)); err != io.EOF { //nolint:errorlint // as gRPC documents it
			return messages, fmt.Errorf("the stream's end: %w", err)
		}
		return messages, nil
	})
}

// stream opens a stream in both directions, which serves for every kind.
func stream(ctx context.Context, g grpcClient, method string, talk func(grpc.ClientStream) (int, error)) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	s, err := g.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, service+method)
	if err != nil {
		return 0, err
	}
	return talk(s)
}
