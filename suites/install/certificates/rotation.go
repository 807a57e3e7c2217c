package certificates

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// shortLived makes a proxy ask for a certificate of a minute, and for the next one
// after 6 s of it: soon enough to be seen, long before the old one ends.
const (
	shortLived    = `{SECRET_TTL: 60s, SECRET_GRACE_PERIOD_RATIO: "0.9"}`
	shortLifetime = time.Minute
)

// rotationTimeout bounds the time to the next certificate; the old one is still
// valid then.
const rotationTimeout = 40 * time.Second

var _ = Checks.Add(rotation)

// rotation watches a workload change its certificate under traffic.
func rotation(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "certificate-rotation",
		Promise:  "a workload gets its next certificate before the old one ends, and no request fails meanwhile",
		Parallel: true,
		Long:     true,
		SkipIf:   s.WhyNotRouted,
		Breaks: []check.Break{
			{
				Name: "short-lived-refused", Promise: "a CA that does not sign what a workload asks for is noticed",
				Make: func(ctx context.Context, t *check.T) {
					kit.SetIstiodEnv(ctx, t, s, "MAX_WORKLOAD_CERT_TTL", "30s")
				},
				Says: "does not become ready",
			},
			{
				Name: "renewed-too-late", Promise: "a workload that does not ask for its next certificate in time is noticed",
				Make: mutation.On(s, renewLate), Says: "a workload's certificate is not renewed",
			},
		},
		Run: func(ctx context.Context, t *check.T) {
			c := kit.NewScratch(ctx, t, s, "rotation")
			pod := c.Workload(ctx, t, map[string]string{"Inject": "true", "ProxyMetadata": shortLived})
			roots := kit.MeshRoots(ctx, t, s, c.Namespace)
			t.Diagnose("a workload's certificate is not renewed",
				"look for \"generated new workload certificate\" in the sidecar's log and for citadel_server_csr errors in istiod's metrics",
				"https://istio.io/latest/docs/concepts/security/#pki")
			first, err := workloadChain(ctx, s, pod)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(first[0].NotAfter.Sub(first[0].NotBefore)).To(gomega.BeNumerically("~", shortLifetime+clockSkew, slack/2), "lifetime that pod %s asked for", pod.Name)
			traffic := kit.StartTraffic(ctx, c)
			t.Cleanup(func() { traffic.Stop() })
			var next []*x509.Certificate
			t.Eventually(ctx, func() (string, error) {
				next, err = workloadChain(ctx, s, pod)
				if err != nil {
					return "", err
				}
				return next[0].SerialNumber.String(), nil
			}).WithTimeout(rotationTimeout).Should(gomega.Not(gomega.Equal(first[0].SerialNumber.String())), "serial number of the certificate of pod %s, valid until %s", pod.Name, first[0].NotAfter.Format(time.RFC3339))
			t.Expect(verify(next, roots.Pool)).To(gomega.Succeed(), "the next chain")
			t.Expect(next[0].NotAfter).To(gomega.BeTemporally(">", first[0].NotAfter))
			t.Expect(spiffe(next[0])).To(gomega.Equal(spiffe(first[0])))
			t.Diagnose("requests fail while a certificate changes", "look at the flags in the gateway's access log in the evidence: UF is a handshake that failed",
				"https://istio.io/latest/docs/ops/common-problems/security-issues/")
			result := traffic.Stop()
			t.Expect(result.Failures).To(gomega.BeEmpty(), "of %d requests", result.Requests)
			t.Expect(result.Requests).To(gomega.BeNumerically(">", 0))
			t.Observe("certificate %s became %s; %d requests meanwhile", first[0].SerialNumber, next[0].SerialNumber, result.Requests)
		},
	}
}

// renewLate overrules, for the pods of the checks, when they ask.
func renewLate(ctx context.Context, t *check.T, s *stack.Stack) {
	namespace, err := s.ScratchNamespace(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	mutation.ApplyFixture(ctx, t, s, "late-renewal", map[string]string{"Namespace": namespace})
}
