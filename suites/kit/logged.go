package kit

import (
	"context"
	"fmt"
	"strings"

	"github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/internal/stack"
)

// MustLog waits until the gateway's access log entries of requests whose path contains
// the id are as wanted. Where the gateway writes none, the report says so, and those of
// the backends' sidecars must agree with the backends' own logs: each request that reached
// a backend came by its proxy.
func MustLog(ctx context.Context, t *check.T, s *stack.Stack, id string, want types.GomegaMatcher, description ...any) {
	t.Helper()
	if !HasLog(t, s) {
		sidecarsMustAgree(ctx, t, s, id)
		return
	}
	t.Eventually(ctx, func() ([]envoy.AccessLog, error) { return AccessLog(ctx, s, id) }).Should(want, description...)
}

// HasLog reports whether the gateway's access log can be read, and notes in the report
// that it is missing as a witness where it cannot.
func HasLog(t *check.T, s *stack.Stack) bool {
	t.Helper()
	if why := s.WhyNoLog(); why != "" {
		t.Observe("one witness less: %s", why)
		return false
	}
	return true
}

// sidecarsMustAgree compares the access logs of the shared backends' sidecars with what the
// backends logged of requests with the id.
func sidecarsMustAgree(ctx context.Context, t *check.T, s *stack.Stack, id string) {
	t.Helper()
	if !s.Gateway.Witnesses.Sidecars {
		return
	}
	t.Eventually(ctx, func() (string, error) {
		logs, err := s.Logs(ctx, s.Namespace, BackendSelector, ProxyContainer)
		if err != nil {
			return "", err
		}
		passed := 0
		for line := range strings.Lines(logs) {
			entry, err := envoy.ParseAccessLog(strings.TrimSpace(line))
			if err == nil && (IDOf(entry.Path) == id || strings.HasPrefix(IDOf(entry.Path), id+"-")) {
				passed++
			}
		}
		arrived, err := BackendLog(ctx, s, id)
		if err != nil || len(arrived) == passed {
			return "", err
		}
		return fmt.Sprintf("%d by the backends, %d by their sidecars", len(arrived), passed), nil
	}).Should(gomega.BeEmpty(), "requests %s that arrived, by the backends' logs and by the access logs of their sidecars", id)
	t.Observe("the sidecars' access logs agree with the backends'")
}

// HasStatistics is HasLog for Envoy's statistics of clusters.
func HasStatistics(t *check.T, s *stack.Stack) bool {
	t.Helper()
	if why := s.WhyNoStatistics(); why != "" {
		t.Observe("one witness less: %s", why)
		return false
	}
	return true
}

// sayOwn notes in the report that a check uses another gateway than the one under test.
func sayOwn(t *check.T, s *stack.Stack) {
	if s.Own() {
		t.Observe("at a gateway of the run's own, %s/%s: this is not done to one that others use", s.Gateway.Namespace, s.Gateway.Release)
	}
}

// SkipFirst returns a SkipIf of two, of which either may be nil.
func SkipFirst(first, second func() string) func() string {
	if first == nil {
		return second
	}
	return func() string {
		if why := first(); why != "" || second == nil {
			return why
		}
		return second()
	}
}
