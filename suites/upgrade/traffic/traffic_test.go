package traffic

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
	"istio-conformance/internal/traffic/openloop"
)

// backend answers on the loopback, in HTTP/1.1 and in HTTP/2 without TLS.
func backend(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Start()
	t.Cleanup(s.Close)
	return s
}

// meet sends a kind's traffic to a server for a time after the warm-up.
func meet(t *testing.T, k kind, address string, start time.Time, seconds time.Duration) report.UpgradeTraffic {
	t.Helper()
	flow := &Traffic{End: make(chan struct{}), ports: openloop.NewPorts()}
	time.AfterFunc(time.Until(start)+warmup+seconds, func() { close(flow.End) })
	r, err := openloop.Run(t.Context(), flow.config(k, 300, Addresses{HTTP: address}, start))
	return describeKind(k, r, err)
}

// plainKinds are those that need no certificate.
func plainKinds() []kind {
	var all []kind
	for _, k := range kinds("test") {
		if !k.secure {
			all = append(all, k)
		}
	}
	return all
}

// Answers that are 2 s late keep every connection busy, but lose nothing: each request
// is sent, and its delay is seen.
func TestTrafficDuringAStall(t *testing.T) {
	for _, k := range plainKinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			g := gomega.NewWithT(t)
			start := time.Now().Add(500 * time.Millisecond)
			stall, resume := start.Add(warmup+500*time.Millisecond), make(chan struct{})
			time.AfterFunc(time.Until(stall.Add(2*time.Second)), func() { close(resume) })
			s := backend(t, func(_ http.ResponseWriter, r *http.Request) {
				if time.Now().After(stall) {
					select {
					case <-resume:
					case <-r.Context().Done():
					}
				}
			})
			u := meet(t, k, s.Listener.Addr().String(), start, 3*time.Second)
			g.Expect(u.Invalid).To(gomega.BeEmpty())
			g.Expect([]int{u.Failed, u.NeverSent}).To(gomega.Equal([]int{0, 0}), "%v", u.Errors)
			// Who waited for the answers would have sent those of the first second alone. A busy
			// machine may begin late.
			g.Expect(u.Requests).To(gomega.BeNumerically(">=", int(k.rate(300)*2)))
			slowest := 0.0
			for _, second := range u.Timeline {
				slowest = max(slowest, second.P99Micros)
			}
			g.Expect(slowest).To(gomega.BeNumerically(">", 1.5e6), "the p99 of the second in which the answers came, in microseconds")
		})
	}
}

// Of a server that goes away every request is lost, and counted once.
func TestTrafficToNobody(t *testing.T) {
	for _, k := range plainKinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			g := gomega.NewWithT(t)
			s := backend(t, func(http.ResponseWriter, *http.Request) {})
			address := s.Listener.Addr().(*net.TCPAddr).String()
			start := time.Now().Add(500 * time.Millisecond)
			time.AfterFunc(time.Until(start)+warmup+time.Second, func() {
				_ = s.Listener.Close() // Harmless: it is closed either way.
				s.CloseClientConnections()
			})
			u := meet(t, k, address, start, 3*time.Second)
			lost := int(k.rate(300) * 2)
			g.Expect(u.NeverSent).To(gomega.BeZero())
			g.Expect(u.Failed).To(gomega.BeNumerically("~", lost, float64(lost)/4), "%v", u.Errors)
			g.Expect(strings.Join(u.Invalid, "; ")).To(gomega.BeEmpty())
		})
	}
}

func TestNewConnectionsAreNoMoreThanThereArePorts(t *testing.T) {
	g := gomega.NewWithT(t)
	for _, k := range kinds("test") {
		g.Expect(k.rate(300)).To(gomega.Equal(300*k.share), k.name)
		if k.fresh {
			g.Expect(k.rate(5000)).To(gomega.Equal(openloop.PortsRate))
		}
	}
}

func TestClientSaysHowARequestFailed(t *testing.T) {
	g := gomega.NewWithT(t)
	sent := time.Date(2026, 11, 25, 17, 0, 2, 0, time.UTC)
	f := openloop.Failure{Class: openloop.ClassClosed, Due: sent.Add(-3 * time.Millisecond), Sent: sent, Failed: sent.Add(812 * time.Millisecond)}
	g.Expect(describeFailure("h2", &f)).To(gomega.Equal("a client saw: 17:00:02.000 h2: closed after 812 ms (sent 3 ms late)"))
	f = openloop.Failure{Class: "http 404", Due: sent, Sent: sent, Failed: sent, From: netip.MustParseAddrPort("172.17.0.1:4000"), Received: "HTTP/1.1 404 Not Found\r\n"}
	g.Expect(describeFailure("tls", &f)).To(gomega.Equal(`a client saw: 17:00:02.000 tls: http 404 after 0 ms, on the connection from 172.17.0.1:4000, which answered "HTTP/1.1 404 Not Found\r\n"`))
}
