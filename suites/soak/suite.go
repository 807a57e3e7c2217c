// Package soak lets a mesh work for hours under small traffic, while routes come and go, pods
// are replaced and every proxy asks for certificates again and again, and says whether
// memory or open files grow without end; see docs/soak.md.
package soak

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/report"
	"istio-conformance/internal/stack"
)

const (
	// around is what a check may take before and after the time that is asked for.
	around = 6 * time.Minute
	// certificateKept is how long a proxy may show the same certificate: it asks for the
	// next one after 12 s, by fixtures/values/soak-istiod.yaml.
	certificateKept = 90 * time.Second
	diagnostics     = "https://istio.io/latest/docs/ops/diagnostic-tools/"
)

// Suite returns the checks of a mesh that works for so long. They look at one and the same
// time: the first of them waits for it.
func Suite(s *stack.Stack, lasts time.Duration) check.Suite {
	k := &keeper{stack: s, lasts: lasts}
	checks := []check.Check{k.requests(), k.certificates(), k.growth("memory", memory), k.growth("open-files", files)}
	for i := range checks {
		checks[i].Feature, checks[i].Timeout, checks[i].SkipIf = "soak", lasts+around, s.WhyNotOurs
	}
	return check.Suite{Name: "soak", Checks: checks}
}

// requests judges the traffic.
func (k *keeper) requests() check.Check {
	return check.Check{
		Name:    "requests",
		Promise: "a mesh under small traffic loses no request for the whole time, while routes come and go, pods are replaced and proxies renew their certificates",
		Run: func(ctx context.Context, t *check.T) {
			w := k.watch(ctx, t, "requests")
			for _, seen := range w.traffic {
				t.Observe("%s", seen)
			}
			lost, invalid := w.judgeTraffic()
			if len(invalid) > 0 {
				t.SkipUnmeasured(report.VerdictInvalid, invalid...)
			}
			t.Diagnose("requests fail or wait while the mesh only does its daily work", "look for the failed requests' flags in the gateway's access log in the evidence", diagnostics)
			t.Expect(lost).To(gomega.BeEmpty())
			t.Expect(w.routes).To(gomega.BeNumerically(">", 0), "routes that came and went")
			t.Expect(w.pods).To(gomega.BeNumerically(">", 0), "pods that were replaced")
			t.Observe("%d routes came and went, each served %s after it was made at the latest; %d pods were replaced", w.routes, w.slowest.Round(100*time.Millisecond), w.pods)
		},
		Breaks: []check.Break{{
			Name: "some-requests-aborted", Promise: "a gateway that answers one request of a thousand with an error is noticed",
			Make: func(ctx context.Context, t *check.T) { abortSome(ctx, t, k.stack) },
			Says: "requests fail or wait while the mesh only does its daily work",
		}},
	}
}

// certificates says how long proxies kept a certificate.
func (k *keeper) certificates() check.Check {
	return check.Check{
		Name:    "certificates",
		Promise: "the gateway and every sidecar renew their certificates for the whole time, which live ten minutes and are renewed every 12 s",
		Run: func(ctx context.Context, t *check.T) {
			w := k.watch(ctx, t, "certificates")
			t.Expect(w.certificates).NotTo(gomega.BeEmpty(), "proxies whose certificates were looked at")
			var kept []string
			for _, pod := range sorted(w.certificates) {
				c := w.certificates[pod]
				if c.longest > certificateKept {
					kept = append(kept, fmt.Sprintf("pod %s: %s", pod, c.longest.Round(time.Second)))
				}
				t.Observe("pod %s: %d certificates seen in %d looks, none for longer than %s", pod, c.seen, c.looks, c.longest.Round(time.Second))
			}
			t.Diagnose("a proxy keeps its certificate beyond the time at which it is to be renewed", "look at the log of its pilot-agent, and of istiod, in the evidence", "https://istio.io/latest/docs/concepts/security/#pki")
			t.Expect(kept).To(gomega.BeEmpty(), "certificates that were kept for longer than %s", certificateKept)
		},
		Breaks: []check.Break{{
			Name: "gateway-renews-late", Promise: "a gateway that does not renew its certificate is noticed",
			Make: func(ctx context.Context, t *check.T) { renewLate(ctx, t, k.stack) },
			Says: "a proxy keeps its certificate",
		}},
	}
}

// growth judges the slopes of one resource.
func (k *keeper) growth(name string, of resource) check.Check {
	return check.Check{
		Name:    name,
		Promise: fmt.Sprintf("the %s of istiod, the gateway and the sidecars does not grow by more than %g %s an hour once the mesh is warm", of.what, of.perHour, of.unit),
		Run: func(ctx context.Context, t *check.T) {
			w := k.watch(ctx, t, name)
			t.Diagnose("a process of the mesh ended and was started anew", "look at its log and at its pod's events in the evidence", diagnostics)
			t.Expect(w.restarted).To(gomega.BeEmpty())
			t.Expect(w.series).NotTo(gomega.BeEmpty(), "processes that were there the whole time")
			var growing, unknown []string
			for _, trend := range w.trends(of) {
				t.RecordTrend(trend)
				line := describe(&trend)
				t.Observe("%s", line)
				switch trend.Verdict {
				case report.VerdictFail:
					growing = append(growing, line)
				case report.VerdictInconclusive:
					unknown = append(unknown, line)
				}
			}
			t.Diagnose("the "+of.what+" of a process of the mesh grows without end: "+strings.Join(growing, "; "), "look at the charts in report.html; of istiod take a heap profile (/debug/pprof/heap), of an Envoy its memory statistics (/memory)", diagnostics)
			t.Expect(growing).To(gomega.BeEmpty())
			if len(unknown) > 0 {
				t.SkipUnmeasured(report.VerdictInconclusive, unknown...)
			}
		},
		Breaks: []check.Break{of.leak(k.stack)},
	}
}
