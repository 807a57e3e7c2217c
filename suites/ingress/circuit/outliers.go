package circuit

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

const (
	// consecutive is how many errors in a row eject a pod.
	consecutive = 3
	// ejectedFlag is what Envoy says of a pod that is ejected.
	ejectedFlag = "failed_outlier_check"
	// enough requests meet a pod so often, whichever way they are balanced.
	enough = 100
	// afterwards is how many requests must not meet the ejected pod.
	afterwards = 20
	// settled is how long no other pod must be ejected.
	settled = 2 * time.Second
	// ejection is how long a pod is ejected for the first time.
	ejection = 4 * time.Second
)

// notEjected is the cause of a failing pod that goes on getting requests.
const notEjected = "the gateway does not eject a pod that fails as often in a row as outlierDetection allows"

var _ = Checks.Add(outliers)

// outliers makes one pod fail until it is ejected, and waits for its return.
func outliers(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "outlier-ejection",
		Parallel: true,
		Promise:  "a pod that fails 3 requests in a row gets no more of them, and gets them again when its ejection is over",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "circuit", map[string]string{"Selector": "{app: backend}",
				"Policy": "{loadBalancer: {simple: ROUND_ROBIN}, outlierDetection: {consecutive5xxErrors: " + strconv.Itoa(consecutive) +
					", interval: 500ms, baseEjectionTime: " + ejection.String() + ", maxEjectionPercent: 100}}",
			})
			pods, err := s.ReadyPods(ctx, s.Namespace, kit.BackendSelector)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(pods).To(gomega.HaveLen(kit.BackendReplicas))
			bad := pods[0]
			session := r.OneConnection(ctx, t)
			t.Diagnose("the gateway does not send a pod as many requests as must fail before outlierDetection ejects it", hidden, linkOutliers)
			failing := "/?status=500&pod=" + bad.Name
			failures, sent := 0, 0
			for ; failures < consecutive && sent < enough; sent++ {
				if session.Get(ctx, failing, nil).Status == http.StatusInternalServerError {
					failures++
				}
			}
			t.Expect(failures).To(gomega.Equal(consecutive), "requests of %d that pod %s failed", sent, bad.Name)
			t.Diagnose(notEjected, hidden, linkOutliers)
			ejectedAt := time.Now()
			t.Eventually(ctx, func() ([]string, error) { return ejected(ctx, s, r, pods) }).WithPolling(50*time.Millisecond).Should(gomega.Equal([]string{bad.Name}), "pods that Envoy calls ejected")
			served := 0
			for range afterwards {
				response := session.Get(ctx, failing, nil)
				if time.Since(ejectedAt) > ejection {
					break // it may be back
				}
				served++
				t.Expect(response.Status).To(gomega.Equal(http.StatusOK), "request %d to the other pods: %s", served, response)
			}
			t.Diagnose("the gateway does not let a pod back when its ejection is over", hidden, linkOutliers)
			t.Eventually(ctx, func() string {
				response := session.Get(ctx, "/", nil)
				t.Expect(response.Status).To(gomega.Equal(http.StatusOK), "%s", response)
				return kit.ParseAnswer(t, response).Pod
			}).WithPolling(50*time.Millisecond).Should(gomega.Equal(bad.Name), "pod that answers once it may again")
			back := time.Since(ejectedAt)
			t.Expect(back).To(gomega.BeNumerically(">", ejection/2), "pod %s was back too early", bad.Name)
			mustCount(ctx, t, s, r, map[string]uint64{"outlier_detection.ejections_enforced_consecutive_5xx": 1, "outlier_detection.ejections_active": 0})
			t.Observe("pod %s failed %d requests, none of the next %d went to it, and it was back after %s", bad.Name, failures, served, back.Round(time.Millisecond))
		},
	}
}

var _ = Checks.Add(mostEjected)

// mostEjected makes all pods fail where only some may be ejected.
func mostEjected(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "outlier-limit",
		Parallel: true,
		Promise:  "when all pods fail, no more of them are ejected than maxEjectionPercent allows, and the others go on getting requests",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "circuit", map[string]string{"Selector": "{app: backend}",
				"Policy": "{loadBalancer: {simple: ROUND_ROBIN}, outlierDetection: {consecutive5xxErrors: 2, interval: 500ms, baseEjectionTime: 60s, maxEjectionPercent: 40}}",
			})
			pods, err := s.ReadyPods(ctx, s.Namespace, kit.BackendSelector)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			// 40 % of three pods is one.
			t.Expect(pods).To(gomega.HaveLen(3))
			session := r.OneConnection(ctx, t)
			const beyond = "the gateway ejects more pods than maxEjectionPercent allows"
			t.Diagnose(beyond, hidden, linkOutliers)
			for i := range 10 * len(pods) {
				response := session.Get(ctx, "/?status=500", nil)
				t.Expect(response.Status).To(gomega.Equal(http.StatusInternalServerError), "request %d: the pods that are left must answer: %s", i, response)
			}
			var out []string
			t.Eventually(ctx, func() ([]string, error) {
				out, err = ejected(ctx, s, r, pods)
				return out, err
			}).ShouldNot(gomega.BeEmpty(), func() string {
				t.Diagnose(notEjected, hidden, linkOutliers)
				return "pods that Envoy calls ejected"
			})
			// One that was to follow would have: Envoy ejects on its main thread, a moment
			// after the failures.
			t.Consistently(ctx, func() ([]string, error) { return ejected(ctx, s, r, pods) }).WithTimeout(settled).Should(gomega.HaveLen(1), "pods that Envoy calls ejected")
			mustCount(ctx, t, s, r, map[string]uint64{"outlier_detection.ejections_active": 1})
			t.Observe("of %d failing pods only %s was ejected", len(pods), strings.Join(out, ", "))
		},
	}
}

// mustCount asserts what Envoy itself counts of a Service's ejections, where it does.
func mustCount(ctx context.Context, t *check.T, s *stack.Stack, r kit.Route, want map[string]uint64) {
	if !kit.HasStatistics(t, s) {
		return
	}
	stats, err := kit.GatewayStats(ctx, s, kit.Cluster(s, r.Name, "", 80))
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(pick(stats, slices.Collect(maps.Keys(want))...)).To(gomega.Equal(want), "Envoy's statistics of Service %s", r.Name)
}

// ejected returns the names of the pods that Envoy calls ejected.
func ejected(ctx context.Context, s *stack.Stack, r kit.Route, pods []corev1.Pod) ([]string, error) {
	hosts, err := kit.GatewayHosts(ctx, s, kit.Cluster(s, r.Name, "", 80))
	if err != nil {
		return nil, err
	}
	var names []string
	for i, address := range kit.Addresses(pods, 8080) {
		if slices.Contains(hosts[address].Unhealthy, ejectedFlag) {
			names = append(names, pods[i].Name)
		}
	}
	return names, nil
}
