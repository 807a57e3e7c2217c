package verify

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// maxProxies is how many proxies are asked: in a large mesh each takes a moment.
const maxProxies = 30

var _ = Checks.Add(warming)

// warming asks every proxy whether it still waits for something. Checks beside it
// would give them something to wait for, and so it runs alone.
func warming(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "nothing-warming",
		Promise: "no proxy has a listener or a cluster that waits for its endpoints, routes or secrets",
		Run: func(ctx context.Context, t *check.T) {
			pods, err := proxies(ctx, s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(pods).NotTo(gomega.BeEmpty(), "no pod with a proxy is ready")
			t.Diagnose("a proxy waits for something that it has not got, and does not use what depends on it",
				"look for the names under dynamic_warming in the proxy's config dump; often it is the secret of a Gateway's credentialName: it must lie in the gateway's namespace, and have a CA for mode MUTUAL",
				"https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/upstream/cluster_manager#cluster-warming")
			t.Eventually(ctx, func() ([]string, error) {
				var flaws []string
				for i := range pods {
					some, err := waiting(ctx, s, pods[i])
					if err != nil {
						return nil, err
					}
					flaws = append(flaws, some...)
				}
				return flaws, nil
			}).Should(gomega.BeEmpty())
			t.Observe("%d proxies", len(pods))
		},
	}
}

// proxies returns ready pods with a proxy, the gateway's first.
func proxies(ctx context.Context, s *stack.Stack) ([]corev1.Pod, error) {
	gateways, err := s.ReadyPods(ctx, s.Gateway.Namespace, s.Gateway.Selector)
	if err != nil {
		return nil, err
	}
	sidecars, err := s.ReadyPods(ctx, s.Namespace, "")
	if err != nil {
		return nil, err
	}
	sidecars = slices.DeleteFunc(sidecars, func(p corev1.Pod) bool { return p.Annotations["sidecar.istio.io/status"] == "" })
	all := slices.Concat(gateways, sidecars)
	return all[:min(len(all), maxProxies)], nil
}

// warmingStat is a gauge of Envoy's that is above zero.
var warmingStat = regexp.MustCompile(`(?m)^(cluster_manager\.warming_clusters|listener_manager\.total_listeners_warming): ([1-9]\d*)$`)

// waiting says what a pod's Envoy waits for, by its gauges and by its config dump.
func waiting(ctx context.Context, s *stack.Stack, pod corev1.Pod) ([]string, error) {
	stats, err := s.ProxyAdmin(ctx, pod, "stats?filter=warming")
	if err != nil {
		return nil, err
	}
	var flaws []string
	for _, found := range warmingStat.FindAllString(stats, -1) {
		flaws = append(flaws, fmt.Sprintf("pod %s/%s: %s", pod.Namespace, pod.Name, found))
	}
	for _, resource := range []string{"dynamic_warming_clusters", "dynamic_warming_secrets"} {
		dump, err := s.ProxyAdmin(ctx, pod, "config_dump?resource="+resource)
		if err != nil {
			return nil, err
		}
		if strings.Contains(dump, `"name"`) {
			flaws = append(flaws, fmt.Sprintf("pod %s/%s: %s: %.300s", pod.Namespace, pod.Name, resource, dump))
		}
	}
	return flaws, nil
}
