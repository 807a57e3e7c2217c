package tls

import (
	"context"
	"fmt"
	"math/big"
	"sync"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

const (
	// clients connect at the same time, each again and again.
	clients = 3
	// handshakes are how many must have succeeded with a certificate before the
	// next step.
	handshakes = 20
)

var _ = Checks.Add(replacedSecret)

// replacedSecret replaces a host's certificate while clients connect.
func replacedSecret(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "tls-secret-replaced",
		Parallel: true,
		Promise:  "when a host's Secret is replaced under traffic, new connections get the new certificate and no handshake or request fails",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewSecureRoute(ctx, t, s, "terminated", "mode: SIMPLE", nil, nil)
			r.MustBeServed(ctx, t, r.Client())
			next := r.Authority.Issue(t, r.Host)
			traffic := startHandshakes(ctx, t, r)
			t.Diagnose("new connections fail while or after a Secret is replaced",
				"look for the Secret's name in istiod's and the gateway's log in the evidence", docs)
			t.Eventually(ctx, func() (int, error) { return traffic.with(r.Pair.Cert.SerialNumber) }).
				Should(gomega.BeNumerically(">=", handshakes), "connections with the first certificate")
			kit.ReplaceSecret(ctx, t, s, r.Name, next.Secret())
			t.Diagnose("the gateway does not follow a replaced Secret",
				"look for the Secret's name in istiod's log, and at the gateway's secrets: istioctl proxy-config secret", docs)
			t.Eventually(ctx, func() (int, error) { return traffic.with(next.Cert.SerialNumber) }).WithTimeout(kit.PropagationTimeout).
				Should(gomega.BeNumerically(">=", handshakes), "connections with the second certificate")
			traffic.stop()
			first, err := traffic.with(r.Pair.Cert.SerialNumber)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			second, err := traffic.with(next.Cert.SerialNumber)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(r.Get(ctx, t, "/", nil, nil).TLS.PeerCertificates[0].SerialNumber).To(gomega.Equal(next.Cert.SerialNumber), "the certificate after the change")
			t.Observe("%d connections with the first certificate, then %d with the second, none failed", first, second)
		},
	}
}

// traffic is what clients saw that connect again and again.
type traffic struct {
	// stop ends the clients and returns when they have ended.
	stop func()

	mu     sync.Mutex
	served map[string]int
	failed error
}

// startHandshakes connects and asks, on a new connection each time, until the
// traffic is stopped or the check ends.
func startHandshakes(ctx context.Context, t *check.T, r kit.SecureRoute) *traffic {
	request, err := r.Request("/", nil)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	seen := &traffic{served: map[string]int{}}
	ctx, cancel := context.WithCancel(ctx)
	var wait sync.WaitGroup
	seen.stop = func() {
		cancel()
		wait.Wait()
	}
	t.Cleanup(seen.stop)
	for range clients {
		wait.Go(func() {
			for ctx.Err() == nil {
				response := probe.HTTP(ctx, request)
				if ctx.Err() == nil {
					seen.add(response)
				}
			}
		})
	}
	return seen
}

func (s *traffic) add(r probe.Response) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case r.Status == 200:
		s.served[r.TLS.PeerCertificates[0].SerialNumber.String()]++
	case s.failed == nil:
		s.failed = fmt.Errorf("after %d connections: %s", len(s.served), r)
	}
}

// with returns how many connections got the certificate, and an error when one failed.
func (s *traffic) with(serial *big.Int) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served[serial.String()], s.failed
}
