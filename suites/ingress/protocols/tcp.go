package protocols

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/util/rand"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

const (
	// tcpBytes go each way: more than the buffers on the way hold.
	tcpBytes = 4 << 20
	// tcpConnections are made to a port once it is served.
	tcpConnections = 5
	// gatewayTCPPort is a port of the gateway's pod that nothing else uses.
	gatewayTCPPort = 31400
)

var _ = Checks.Add(tcpByServerName)

// tcpByServerName sends bytes over TLS that ends at the gateway.
func tcpByServerName(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "tcp-and-half-close",
		Parallel: true,
		Promise:  "bytes that come by TLS are led to the backend by the server name and back unchanged, and when the client has closed its half the backend still gets to answer",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewStreamRoute(ctx, t, s)
			var sent []byte
			var id string
			var got tcpResult
			// The route is served when a first exchange succeeds.
			t.Eventually(ctx, func() error {
				id, _ = kit.Mark()
				var err error
				got, err = exchange(ctx, s, r.Client(), id, []byte("hello"))
				diagnoseTCP(t, err)
				return err
			}).WithTimeout(kit.PropagationTimeout).Should(gomega.Succeed(), "an exchange by TCP with %s", r.Host)
			sent, id = bytes.Repeat([]byte("0123456789abcdef"), tcpBytes/16), rand.String(12)
			got, err := exchange(ctx, s, r.Client(), id, sent)
			diagnoseTCP(t, err)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(bytes.Equal(got.echoed, sent)).To(gomega.BeTrue(), "%d bytes came back of %d", len(got.echoed), len(sent))
			t.Expect(got.last.ID).To(gomega.Equal(id), "the answer after the client's half was closed")
			t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).Should(gomega.ConsistOf(gomega.And(
				gomega.HaveField("Bytes", gomega.BeNumerically("==", tcpBytes)), gomega.HaveField("BodyError", ""))), "the backend's own log")
			kit.MustLog(ctx, t, s, r.Host, gomega.ContainElement(gomega.And(
				gomega.HaveField("ServerName", r.Host), gomega.HaveField("UpstreamCluster", gomega.HavePrefix("outbound|9000||backend.")))), "the gateway's access log")
			t.Observe("%d bytes there and back, then %d bytes counted by pod %s after the half-close", len(sent), got.last.Bytes, got.last.Pod)
		},
	}
}

// errHalfClosed is what exchange finds when all bytes came back, and no answer after them.
var errHalfClosed = errors.New("no answer after the client's half was closed")

// diagnoseTCP says what an exchange's error shows.
func diagnoseTCP(t *check.T, err error) {
	cause := "the gateway does not carry bytes by TCP to the backend and back"
	if errors.Is(err, errHalfClosed) {
		cause = "the gateway closes both directions of a TCP connection when the client closes its own"
	}
	t.Diagnose(cause, "look at the TCP proxy in the filter chain of the server name in the gateway's config dump in the evidence, and for the server name in its access log", docs)
}

// tcpResult is what came back: the bytes, and the backend's last word.
type tcpResult struct {
	echoed []byte
	last   kit.Answer
}

// exchange sends an id and bytes, closes its half, and reads to the end.
func exchange(ctx context.Context, s *stack.Stack, client *tls.Config, id string, sent []byte) (tcpResult, error) {
	var result tcpResult
	address, err := s.GatewayTLS()
	if err != nil {
		return result, err
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	dialed, err := (&tls.Dialer{Config: client}).DialContext(ctx, "tcp", address)
	if err != nil {
		return result, err
	}
	connection := dialed.(*tls.Conn)
	defer func() { _ = connection.Close() }()
	if err := connection.SetDeadline(time.Now().Add(callTimeout)); err != nil {
		return result, err
	}
	written := make(chan error, 1)
	go func() {
		_, err := connection.Write(append([]byte(id+"\n"), sent...))
		if err == nil {
			err = connection.CloseWrite()
		}
		written <- err
	}()
	all, err := io.ReadAll(connection)
	if err != nil {
		return result, fmt.Errorf("after %d bytes: %w", len(all), err)
	}
	if err := <-written; err != nil {
		return result, fmt.Errorf("write: %w", err)
	}
	if len(all) < len(sent) {
		return result, fmt.Errorf("the end after %d bytes of %d", len(all), len(sent))
	}
	result.echoed = all[:len(sent)]
	if err := json.Unmarshal(all[len(sent):], &result.last); err != nil {
		return result, fmt.Errorf("%w: %w", errHalfClosed, err)
	}
	return result, nil
}

// portClosed is what tcpPort prints when the port takes no connection.
const portClosed = "closed"

// diagnosePort says what the last line shows that came back from the port.
func diagnosePort(t *check.T, line string) {
	cause := "the gateway takes a connection to the TCP port of a Gateway, and no byte comes back by it"
	switch line {
	case "":
	case portClosed:
		cause = "the gateway does not open the TCP port of a Gateway"
	default:
		cause = "bytes that go to the TCP port of a Gateway do not come back as the backend sends them"
	}
	t.Diagnose(cause, "look for a listener with the port in the gateway's config dump in the evidence, and for its connections in the access log",
		"https://istio.io/latest/docs/reference/config/networking/virtual-service/#TCPRoute")
}

var _ = Checks.Add(tcpPort)

// tcpPort sends plain bytes to a port of the gateway's pod from its node.
func tcpPort(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "tcp-port",
		SkipIf:   s.OursAlone("asks a port of the gateway from its node"),
		Parallel: true,
		Promise:  fmt.Sprintf("a Gateway with protocol TCP opens port %d of the gateway's pod and leads plain bytes to the backend and back", gatewayTCPPort),
		Run: func(ctx context.Context, t *check.T) {
			name := "tcp-" + rand.String(5)
			kit.Apply(ctx, t, s, s.Namespace, "protocols/tcp.yaml", map[string]string{"Name": name, "Port": strconv.Itoa(gatewayTCPPort)})
			gateway, err := s.GatewayPod(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			var id string
			address := net.JoinHostPort(gateway.Status.PodIP, strconv.Itoa(gatewayTCPPort))
			ask := func() (string, error) {
				id, _ = kit.Mark()
				script := fmt.Sprintf("trap '' PIPE; exec 3<>/dev/tcp/%s/%d || { echo %s; exit 0; }; printf '%s\\nhello\\n' >&3; read -r -t 10 line <&3; echo \"$line\"", gateway.Status.PodIP, gatewayTCPPort, portClosed, id)
				out, err := s.Cluster.Exec(ctx, gateway.Spec.NodeName, script)
				diagnosePort(t, strings.TrimSpace(out))
				return strings.TrimSpace(out), err
			}
			t.Eventually(ctx, ask).WithTimeout(kit.PropagationTimeout).Should(gomega.Equal("hello"), "line that came back from %s", address)
			// Once the route is served every connection must be: one that sometimes is would
			// have passed by now.
			for i := range tcpConnections {
				line, err := ask()
				t.Expect(err).NotTo(gomega.HaveOccurred())
				t.Expect(line).To(gomega.Equal("hello"), "line that came back from %s by connection %d of %d after the first", address, i+1, tcpConnections)
			}
			t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).
				Should(gomega.ConsistOf(gomega.HaveField("Protocol", "TCP")), "the backend's own log")
			t.Observe("a line there and back by each of %d connections to %s", 1+tcpConnections, address)
		},
	}
}
