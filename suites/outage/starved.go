package outage

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/kit/flow"
	"istio-conformance/suites/mutation"
)

// starved is how long istiod is held back after a change has reached the gateway.
const starved = 10 * time.Second

var _ = istiod.AddAt(3, istiodStarved)

// istiodStarved gives istiod a twentieth of a CPU.
func istiodStarved(s *stack.Stack) check.Check {
	const link = "https://istio.io/latest/docs/ops/deployment/performance-and-scalability/"
	return check.Check{
		Name:    "istiod-starved",
		Promise: "an istiod with a twentieth of a CPU fails no request, and new configuration reaches the gateway, only later",
		Timeout: outageTimeout,
		Run: func(ctx context.Context, t *check.T) {
			r := begin(ctx, t, s, "istiod has a twentieth of a CPU")
			throttled := limitIstiod(ctx, t, s)
			r.configure(ctx, t)
			last(ctx, t, starved)
			t.Diagnose("istiod was never held back, so that nothing was tried", "look at cpu.stat of its control group on the node", "https://docs.kernel.org/scheduler/sched-bwc.html")
			periods, err := throttled(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(periods).To(gomega.BeNumerically(">", 0), "periods in which istiod was held back")
			t.Observe("istiod was held back in %d periods of 0.1 s", periods)
			r.judge(ctx, t, flow.Nothing, "look for the failed requests' flags in the gateway's access log in the evidence", link)
		},
		Breaks: []check.Break{{
			Name: "new-routes-lost", Promise: "a mesh in which a new route never arrives while istiod is starved is noticed",
			Make: func(ctx context.Context, t *check.T) { loseRoutes(ctx, t, s) },
			Says: "new configuration does not reach the gateway during the outage",
		}},
	}
}

// limitIstiod limits the CPU time of istiod's container to a twentieth of a CPU until the
// check ends, and returns how to ask in how
// many periods it was held back. It writes to the control group itself: a Deployment with a
// limit would be another istiod.
func limitIstiod(ctx context.Context, t *check.T, s *stack.Stack) (throttled func(context.Context) (int, error)) {
	t.Helper()
	pod := kit.IstiodPods(ctx, t, s)[0]
	_, id, _ := strings.Cut(pod.Status.ContainerStatuses[0].ContainerID, "://")
	t.Expect(id).NotTo(gomega.BeEmpty(), "container of pod %s", pod.Name)
	// Version 2 has cpu.max; version 1 two files, and -1 for no limit.
	each := "for d in $(find /sys/fs/cgroup -type d -name '*" + id + "*'); do\n"
	take := "set -eu; found=\n" + each + fmt.Sprintf(`
if [ -e $d/cpu.max ]; then echo '5000 100000' >$d/cpu.max; found=1
elif [ -e $d/cpu.cfs_quota_us ]; then echo 100000 >$d/cpu.cfs_period_us; echo 5000 >$d/cpu.cfs_quota_us; found=1; fi
done; [ -n "$found" ] || { echo 'no control group of container %s limits CPU time' >&2; exit 1; }`, id)
	give := each + `
if [ -e $d/cpu.max ]; then echo 'max 100000' >$d/cpu.max
elif [ -e $d/cpu.cfs_quota_us ]; then echo -1 >$d/cpu.cfs_quota_us; echo 100000 >$d/cpu.cfs_period_us; fi; done`
	t.Expect(pod.Spec.Containers[0].Resources.Limits).NotTo(gomega.HaveKey(gomega.BeEquivalentTo("cpu")), "limits of istiod, which would not be given back")
	mutation.Mend(ctx, t, func(ctx context.Context) {
		_, err := s.Cluster.Exec(ctx, pod.Spec.NodeName, give)
		t.Expect(err).NotTo(gomega.HaveOccurred())
	})
	_, err := s.Cluster.Exec(ctx, pod.Spec.NodeName, take)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	count := func(ctx context.Context) (int, error) {
		out, err := s.Cluster.Exec(ctx, pod.Spec.NodeName, each+`
if [ -e $d/cpu.max ] || [ -e $d/cpu.cfs_quota_us ]; then sed -n 's/^nr_throttled //p' $d/cpu.stat; fi; done`)
		if err != nil {
			return 0, err
		}
		return strconv.Atoi(strings.TrimSpace(out))
	}
	before, err := count(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred(), "how often istiod was held back before")
	return func(ctx context.Context) (int, error) {
		now, err := count(ctx)
		return now - before, err
	}
}
