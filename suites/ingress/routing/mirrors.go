package routing

import (
	"context"
	"net/http"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/stats"
	"istio-conformance/suites/kit"
)

// mirroredRequests are sent to a route that copies half of them.
const mirroredRequests = 200

var _ = Checks.Add(mirrors)

// mirrors looks for the copies of requests at the version that does not answer.
func mirrors(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "route-mirror",
		Parallel: true,
		Promise:  "a mirrored request is answered by its own route, once, and a copy of it reaches the mirror; of 50 % it is half",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "routing-mirror", nil)
			diagnoseOwnRoute(t)
			id, header := kit.Mark()
			response := r.Get(ctx, kit.WithID("/all", id), header)
			t.Expect(response.Status).To(gomega.Equal(http.StatusOK), "%s", response)
			t.Expect(kit.ParseAnswer(t, response).Version).To(gomega.Equal("v1"), "version that answered")
			diagnoseMirror(t)
			t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).Should(gomega.ConsistOf(
				gomega.And(gomega.HaveField("Version", "v1"), gomega.HaveField("Host", r.Host)),
				// Envoy by itself adds "-shadow" to a copy's host; Istio tells it not to.
				gomega.And(gomega.HaveField("Version", "v2"), gomega.HaveField("Host", gomega.HavePrefix(r.Host))),
			), "the backends' own logs of a mirrored request")

			id, header = kit.Mark()
			diagnoseOwnRoute(t)
			response = r.Get(ctx, kit.WithID("/none", id), header)
			t.Expect(response.Status).To(gomega.Equal(http.StatusOK), "%s", response)
			t.Expect(kit.ParseAnswer(t, response).Version).To(gomega.Equal("v1"), "version that answered a request that is not mirrored")
			diagnoseMirror(t)
			t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).
				Should(gomega.ConsistOf(gomega.HaveField("Version", "v1")), "the backends' own logs of a request that is not mirrored")

			diagnoseOwnRoute(t)
			before, err := split(ctx, s, r)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			_, versions := kit.MustAnswer(t, r.Bulk(ctx, "/half", mirroredRequests, nil))
			t.Expect(versions).To(gomega.Equal(map[string]int{"v1": mirroredRequests}), "versions that answered")
			diagnoseMirror(t)
			want := stats.Expected(mirroredRequests, 0.5, stats.Level)
			var copies map[string]uint64
			t.Eventually(ctx, func() (bool, error) {
				copies, err = grown(ctx, s, r, before)
				return want.Contains(int(copies["v2"])), err
			}).Should(gomega.BeTrue(), func() string {
				return "requests by Envoy's statistics, of which " + want.String() + " copies to v2 were wanted: " + describe(copies)
			})
			t.Observe("of %d requests to a route that mirrors half, %d copies (want %s)", mirroredRequests, copies["v2"], want)
		},
	}
}

// linkMirror is where mirroring is documented.
const linkMirror = "https://istio.io/latest/docs/tasks/traffic-management/mirroring/"

func diagnoseOwnRoute(t *check.T) {
	t.Diagnose("a request is not answered by its own route's version, whether it is mirrored or not",
		"look at the cluster of this host's routes in the gateway's config dump in the evidence", linkMirror)
}

func diagnoseMirror(t *check.T) {
	t.Diagnose("the gateway does not mirror requests as the VirtualService says",
		"look at the route's request_mirror_policies in the gateway's config dump in the evidence", linkMirror)
}
