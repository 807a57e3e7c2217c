package configuration

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/fixtures"
	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

// changes is how many changes are timed.
const changes = 20

// lookEvery is how often the gateway is asked whether a change has arrived; it is
// the resolution of what is reported.
const lookEvery = 10 * time.Millisecond

var _ = Checks.Add(propagation)

// propagation changes a route again and again, and waits for each change in what
// the gateway answers.
func propagation(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "propagation",
		Promise:  fmt.Sprintf("each of %d changes to a VirtualService reaches the gateway's Envoy", changes),
		Parallel: true,
		Long:     true,
		SkipIf:   kit.SkipFirst(s.WhyScoped, s.WhyNoScratch),
		Run: func(ctx context.Context, t *check.T) {
			c := kit.NewScratch(ctx, t, s, "propagation")
			c.Apply(ctx, t, "answer", map[string]string{"Body": "start"})
			if s.Existing() {
				c.MustBeServed(ctx, t)
			}
			mustAnswer(ctx, t, s, c, "start")
			times := make([]time.Duration, 0, changes)
			body := ""
			for i := range changes {
				body = fmt.Sprintf("change-%d-%s", i, c.Name)
				started := time.Now()
				t.Expect(change(ctx, s, c, body)).To(gomega.Succeed(), "change %d", i)
				mustAnswer(ctx, t, s, c, body)
				times = append(times, time.Since(started))
			}
			// The second witness is Envoy's own account of its routes.
			t.Diagnose("the gateway answers with the newest route, which is missing from its Envoy's configuration",
				"compare the routes of all gateway pods in the evidence", "https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/")
			t.Eventually(ctx, func() (string, error) { return s.GatewayAdmin(ctx, "config_dump?resource=dynamic_route_configs") }).
				Should(gomega.And(gomega.ContainSubstring(body), gomega.Not(gomega.ContainSubstring("change-0-"+c.Name))), "routes of the gateway's Envoy")
			slices.Sort(times)
			t.Observe("from the change to the gateway's answer, %d changes: p50 %s, p99 %s", changes,
				times[len(times)/2].Round(time.Millisecond), times[len(times)*99/100].Round(time.Millisecond))
		},
	}
}

// change gives the route another body.
func change(ctx context.Context, s *stack.Stack, c kit.Scratch, body string) error {
	manifest, err := fixtures.Files.ReadFile("install/answer.yaml")
	if err != nil {
		return err
	}
	objects, err := kube.Render(manifest, c.Values(map[string]string{"Body": body}))
	if err != nil {
		return err
	}
	// The last object is the VirtualService.
	return s.Apply(ctx, c.Namespace, objects[len(objects)-1:])
}

func mustAnswer(ctx context.Context, t *check.T, s *stack.Stack, c kit.Scratch, body string) {
	t.Helper()
	var last probe.Response
	t.Eventually(ctx, func() string {
		last = c.Get(ctx, nil)
		return fmt.Sprintf("%d %s", last.Status, last.Body)
	}).WithTimeout(kit.PropagationTimeout).WithPolling(lookEvery).Should(gomega.Equal("200 "+body), func() string {
		return "what the gateway answers: " + kit.Unserved{Host: c.Host, Stale: true, Last: last}.Diagnose(ctx, t, s)
	})
}
