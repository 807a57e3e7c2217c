package verify

import (
	"context"
	"fmt"
	"slices"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// proxyContainers are what istiod's injector adds to a pod.
var proxyContainers = []string{"istio-proxy", "istio-init", "istio-validation"}

// images looks at the images of istiod's pods and of every proxy.
func images(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "images",
		Promise:  "istiod and every proxy, init containers too, run exactly the image that the istiod release names",
		Parallel: true,
		Run: func(ctx context.Context, t *check.T) {
			istiod, err := kit.IstiodImage(ctx, s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			proxy, err := kit.ProxyImage(ctx, s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Diagnose("a pod runs another image than the release names",
				"restart what is named above: kubectl rollout restart; a pod's image comes from the injector when the pod is made, and stays",
				"https://istio.io/latest/docs/setup/upgrade/helm/")
			var pods corev1.PodList
			t.Expect(s.Client.List(ctx, &pods)).To(gomega.Succeed())
			seen, wrong := 0, []string{}
			for i := range pods.Items {
				pod := &pods.Items[i]
				if pod.DeletionTimestamp != nil {
					continue
				}
				for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
					var want string
					switch {
					case pod.Namespace == stack.SystemNamespace && pod.Labels["app"] == "istiod":
						want = istiod
					case slices.Contains(proxyContainers, c.Name):
						want = proxy
					default:
						continue
					}
					seen++
					if c.Image != want {
						wrong = append(wrong, fmt.Sprintf("container %s of pod %s: %s, want %s", c.Name, client.ObjectKeyFromObject(pod), c.Image, want))
					}
				}
			}
			t.Expect(wrong).To(gomega.BeEmpty(), "images, of %d containers", seen)
			t.Expect(seen).To(gomega.BeNumerically(">=", 2), "containers of istiod and of proxies")
			t.Observe("%d containers run %s or %s", seen, istiod, proxy)
		},
	}
}
