package direct

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// spread is how many requests are sent to see that no other pod answers.
const spread = 12

// follower compares the gateway's endpoints with the pods of an app.
type follower struct {
	s   *stack.Stack
	app kit.App
	r   kit.Route
}

func newFollower(ctx context.Context, t *check.T, s *stack.Stack, name string, replicas int) follower {
	app := kit.NewApp(ctx, t, s, name, replicas)
	return follower{s: s, app: app, r: kit.NewRoute(ctx, t, s, "to-service", map[string]string{"Service": app.Name})}
}

// mustFollow waits until Kubernetes lists as many ready pods as wanted, and then
// for the gateway to have exactly these as endpoints and to send requests to no
// other pod.
func (f follower) mustFollow(ctx context.Context, t *check.T, what string, settled func([]corev1.Pod) bool) {
	t.Diagnose("the cluster itself does not bring the pods about that the check asks for", "look at the pods and events in the evidence", "")
	var pods []corev1.Pod
	t.Eventually(ctx, func() (bool, error) {
		var err error
		pods, err = f.s.ReadyPods(ctx, f.s.Namespace, f.app.Selector())
		if err != nil || !settled(pods) {
			return false, err
		}
		listed, err := readyAddresses(ctx, f.s, f.app.Name)
		return err == nil && sameSet(listed, kit.Addresses(pods, 8080)), err
	}).WithTimeout(kit.PodsTimeout).Should(gomega.BeTrue(), "%s: %s", what, f.s.DescribePods(ctx, f.s.Namespace))
	started := time.Now()
	t.Diagnose("the gateway does not follow a change of the pods",
		"compare the EndpointSlices with istiod's /debug/endpointz and the gateway's clusters in the evidence", "https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/")
	t.Eventually(ctx, func() ([]string, error) { return kit.GatewayEndpoints(ctx, f.s, f.app.Name, 80) }).WithTimeout(kit.PropagationTimeout).
		Should(gomega.ConsistOf(kit.Addresses(pods, 8080)), "endpoints of Service %s in the gateway, %s", f.app.Name, what)
	took := time.Since(started).Round(time.Millisecond)
	t.Diagnose("the gateway has the right endpoints and sends requests to other pods all the same",
		"look at the health of the endpoints in the gateway's clusters and at healthy_panic_threshold in its config dump in the evidence",
		"https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/load_balancing/panic_threshold")
	// Envoy's threads learn of a change one after the other, and a pod that is being
	// deleted serves on for a while.
	t.Eventually(ctx, func() []string { return f.strayed(ctx, t, pods) }).WithTimeout(kit.PropagationTimeout).
		Should(gomega.BeEmpty(), "%s: answers of others than the ready pods, of %d requests", what, spread)
	t.Observe("%s: %d endpoints, at most %s after Kubernetes listed them", what, len(pods), took)
}

// strayed sends requests and returns what answered that is none of the pods.
func (f follower) strayed(ctx context.Context, t *check.T, pods []corev1.Pod) []string {
	var others []string
	for range spread {
		response := f.r.Get(ctx, "/", nil)
		if response.Status != http.StatusOK {
			others = append(others, response.String())
		} else if pod := kit.ParseAnswer(t, response).Pod; !slices.Contains(kit.PodNames(pods), pod) {
			others = append(others, pod)
		}
	}
	return others
}

var _ = Checks.Add(followsScale)

// followsScale scales an app and replaces all its pods.
func followsScale(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "endpoints-follow-rollout",
		Parallel: true,
		Timeout:  5 * time.Minute,
		Promise:  "the gateway's endpoints are the ready pods again within 30 s after the Service was scaled up and down and its pods were replaced",
		Run: func(ctx context.Context, t *check.T) {
			f := newFollower(ctx, t, s, "rollout", 1)
			f.app.Scale(ctx, t, 2)
			f.mustFollow(ctx, t, "scaled to 2", count(2))
			before := kit.PodNames(f.app.MustHavePods(ctx, t, 2))
			f.app.Restart(ctx, t)
			f.mustFollow(ctx, t, "replaced", func(pods []corev1.Pod) bool {
				return len(pods) == 2 && !containsAny(kit.PodNames(pods), before)
			})
			f.app.Scale(ctx, t, 1)
			f.mustFollow(ctx, t, "scaled to 1", count(1))
		},
	}
}

var _ = Checks.Add(followsHealth)

// followsHealth makes a pod unready and crashes another.
func followsHealth(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "endpoints-follow-health",
		Parallel: true,
		Timeout:  5 * time.Minute,
		Promise:  "a pod that fails its readiness probe or has crashed gets no more requests within 30 s, and gets them again when it is ready",
		Run: func(ctx context.Context, t *check.T) {
			f := newFollower(ctx, t, s, "health", 2)
			lone := f.addLonePod(ctx, t)
			f.mustFollow(ctx, t, "three pods", count(3))
			unready := f.app.MustHavePods(ctx, t, 3)
			pod := without(unready, lone)[0].Name
			t.Expect(f.app.SetHealth(ctx, pod, http.StatusServiceUnavailable)).To(gomega.Succeed())
			f.mustFollow(ctx, t, "one not ready", func(pods []corev1.Pod) bool { return len(pods) == 2 && !containsAny(kit.PodNames(pods), []string{pod}) })
			t.Expect(f.app.SetHealth(ctx, pod, http.StatusNoContent)).To(gomega.Succeed())
			f.mustFollow(ctx, t, "ready again", count(3))
			kit.Crash(ctx, s, lone)
			f.mustFollow(ctx, t, "one crashed", func(pods []corev1.Pod) bool {
				return len(pods) == 2 && !containsAny(kit.PodNames(pods), []string{lone})
			})
		},
	}
}

// addLonePod adds a pod that nothing starts again when it has crashed, so that
// the gateway's view of that can be seen at leisure. It returns its name.
func (f follower) addLonePod(ctx context.Context, t *check.T) string {
	name := f.app.Name + "-lone"
	kit.Apply(ctx, t, f.s, f.s.Namespace, "apps/lone-pod.yaml", map[string]string{"Name": name, "App": f.app.Name, "Backend": f.s.Images.Backend})
	return name
}

// readyAddresses returns the host:port of the endpoints that a Service's
// EndpointSlices call ready.
func readyAddresses(ctx context.Context, s *stack.Stack, service string) ([]string, error) {
	var listed discoveryv1.EndpointSliceList
	if err := s.Client.List(ctx, &listed, client.InNamespace(s.Namespace), client.MatchingLabels{discoveryv1.LabelServiceName: service}); err != nil {
		return nil, fmt.Errorf("list EndpointSlices of Service %s/%s: %w", s.Namespace, service, err)
	}
	var addresses []string
	for _, slice := range listed.Items {
		for _, endpoint := range slice.Endpoints {
			if endpoint.Conditions.Ready == nil || *endpoint.Conditions.Ready {
				addresses = append(addresses, net.JoinHostPort(endpoint.Addresses[0], strconv.Itoa(int(*slice.Ports[0].Port))))
			}
		}
	}
	return addresses, nil
}

// count is settled when exactly n pods are ready.
func count(n int) func([]corev1.Pod) bool {
	return func(pods []corev1.Pod) bool { return len(pods) == n }
}

// without leaves out the pod of that name.
func without(pods []corev1.Pod, name string) []corev1.Pod {
	var rest []corev1.Pod
	for _, pod := range pods {
		if pod.Name != name {
			rest = append(rest, pod)
		}
	}
	return rest
}

func containsAny(all, some []string) bool {
	return slices.ContainsFunc(all, func(a string) bool { return slices.Contains(some, a) })
}

func sameSet(a, b []string) bool {
	matched, err := gomega.ConsistOf(b).Match(a)
	return err == nil && matched
}
