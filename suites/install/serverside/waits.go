package serverside

import (
	"context"
	"errors"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

const (
	// shortWait is how long a rollout that never ends is waited for.
	shortWait = 5 * time.Second
	// waitSlack is how much longer it may take to say so.
	waitSlack = 10 * time.Second
)

var _ = Checks.AddAt(1, waits)

// waits lets Helm 4, which watches, and Helm 3, which asks, wait for the same.
func waits(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "waits-agree",
		Promise: "Helm 4's watch and Helm 3's asking agree on what is ready: both end at once where nothing is missing, and where a rollout never ends both say so at the timeout and name the Deployment",
		// Not beside others, whose failures would be explained by the rollout that never ends.
		SkipIf: onlyHelm4(s),
		Breaks: []check.Break{{
			Name: "wait-forgotten", Promise: "an installation that does not wait until its pods are ready is noticed",
			Make: mutation.On(s, func(ctx context.Context, t *check.T, s *stack.Stack) {
				change(ctx, t, s, func(r *charts.Release) { r.NoWait = true })
			}),
			Says: "takes a rollout that never ends for ready",
		}},
		Run: func(ctx context.Context, t *check.T) {
			for _, helm := range []*charts.Client{s.Helm, s.Helm.By(nil)} {
				r := spare(ctx, t, s, "waits")
				t.Diagnose("Helm "+helm.Version()+" waits for what is ready", "the message names what it waits for", "https://helm.sh/docs/helm/helm_upgrade/")
				_, err := helm.Install(ctx, r)
				t.Expect(err).NotTo(gomega.HaveOccurred())
				t.Diagnose("Helm "+helm.Version()+" takes a rollout that never ends for ready", "compare the Deployment's status with what the release waits for", "https://helm.sh/docs/helm/helm_upgrade/")
				endless := spare(ctx, t, s, "endless")
				endless.Values, endless.Timeout = charts.Values(endless.Values, map[string]any{"replicaCount": 1}), shortWait
				started := time.Now()
				_, err = helm.Install(ctx, endless)
				t.Expect(errors.Is(err, context.DeadlineExceeded)).To(gomega.BeTrue(), "want the error of a timeout, got: %v", err)
				t.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("Deployment "+endless.String())), "what is not ready")
				t.Expect(time.Since(started)).To(gomega.BeNumerically("<", shortWait+waitSlack), "how long Helm waited")
				t.Observe("Helm %s: %v", helm.Version(), err)
			}
		},
	}
}
