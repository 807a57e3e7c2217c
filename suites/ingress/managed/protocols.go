package managed

import (
	"bufio"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/onsi/gomega"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(grpcRoute)

// grpcRoute calls a method that a GRPCRoute names, and one that it does not.
func grpcRoute(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "grpc-route",
		Parallel: true,
		Promise:  "a GRPCRoute leads the method that it names to the backend, and no other",
		Run: func(ctx context.Context, t *check.T) {
			r := newRoute(ctx, t, s, "grpc")
			connection, err := grpc.NewClient("passthrough:///"+r.address(ctx, t, s, 81), grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithAuthority(r.host), grpc.WithDisableRetry())
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Cleanup(func() { _ = connection.Close() })
			var answer kit.Answer
			call := func(method string) error {
				ctx, cancel := context.WithTimeout(ctx, kit.RequestTimeout)
				defer cancel()
				reply := new(wrapperspb.StringValue)
				if err := connection.Invoke(ctx, "/conformance.Backend/"+method, wrapperspb.String("hello"), reply); err != nil {
					return err
				}
				return json.Unmarshal([]byte(reply.GetValue()), &answer)
			}
			t.Diagnose("a gateway that istiod deployed does not serve a GRPCRoute", fix, "https://gateway-api.sigs.k8s.io/api-types/grpcroute/")
			t.Eventually(ctx, func() error { return call("Unary") }).WithTimeout(kit.PropagationTimeout).Should(gomega.Succeed(), "method Unary of %s", r.host)
			t.Expect(answer.Path).To(gomega.Equal("/conformance.Backend/Unary"), "what the backend was called")
			t.Diagnose("a GRPCRoute leads a method to the backend that it does not name", fix, "https://gateway-api.sigs.k8s.io/api-types/grpcroute/")
			// Without a route Envoy answers 404, for which gRPC says Unimplemented.
			t.Expect(status.Code(call("Other"))).To(gomega.Equal(codes.Unimplemented), "method Other of %s", r.host)
			t.Observe("pod %s answered %s", answer.Pod, answer.Path)
		},
	}
}

var _ = Checks.Add(tlsRoute)

// tlsRoute asks a host whose TLS ends at the backend.
func tlsRoute(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "tls-route",
		Parallel: true,
		Promise:  "a TLSRoute leads a connection by its server name to the backend, whose own certificate the client sees",
		Run: func(ctx context.Context, t *check.T) {
			r := newRoute(ctx, t, s, "tls")
			address := r.address(ctx, t, s, 443)
			ask := func() probe.Response {
				// The backend signs for itself; whose certificate it is follows below.
				client := &tls.Config{ServerName: r.host, InsecureSkipVerify: true, MinVersion: tls.VersionTLS12} //nolint:gosec // see above
				return probe.HTTP(ctx, probe.Request{URL: "https://" + r.host + "/", ConnectTo: address, Timeout: kit.ShortTimeout, TLS: client})
			}
			var response probe.Response
			t.Diagnose("a gateway that istiod deployed does not serve a TLSRoute", fix, "https://gateway-api.sigs.k8s.io/api-types/tlsroute/")
			t.Eventually(ctx, func() int {
				response = ask()
				return response.Status
			}).WithTimeout(kit.PropagationTimeout).Should(gomega.Equal(http.StatusOK), func() string { return "the last answer: " + response.String() })
			answer, shown := kit.ParseAnswer(t, response), response.TLS.PeerCertificates[0]
			sum := sha256.Sum256(shown.Raw)
			t.Expect(answer.Certificate).To(gomega.Equal(hex.EncodeToString(sum[:])), "certificate that the backend says it showed")
			t.Expect(answer.ServerName).To(gomega.Equal(r.host), "server name that reached the backend")
			t.Observe("pod %s showed its own certificate for %s", answer.Pod, r.host)
		},
	}
}

var _ = Checks.Add(tcpRoute)

// tcpRoute sends a line to a port.
func tcpRoute(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "tcp-route",
		Parallel: true,
		Promise:  "a TCPRoute leads the bytes of a port to the backend and back",
		Run: func(ctx context.Context, t *check.T) {
			r := newRoute(ctx, t, s, "tcp")
			address := r.address(ctx, t, s, 9000)
			var id string
			t.Diagnose("a gateway that istiod deployed does not serve a TCPRoute", fix, "https://gateway-api.sigs.k8s.io/api-types/tcproute/")
			t.Eventually(ctx, func() (string, error) {
				id, _ = kit.Mark()
				return line(ctx, address, id)
			}).WithTimeout(kit.PropagationTimeout).Should(gomega.Equal("hello\n"), "line that came back")
			t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).
				Should(gomega.ConsistOf(gomega.HaveField("Protocol", "TCP")), "the backend's own log")
			t.Observe("a line there and back")
		},
	}
}

// line sends an id and a line, and returns the line that comes back.
func line(ctx context.Context, address, id string) (string, error) {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return "", err
	}
	defer func() { _ = connection.Close() }()
	if err := connection.SetDeadline(time.Now().Add(kit.ShortTimeout)); err != nil {
		return "", err
	}
	if _, err := fmt.Fprintf(connection, "%s\nhello\n", id); err != nil {
		return "", err
	}
	return bufio.NewReader(connection).ReadString('\n')
}
