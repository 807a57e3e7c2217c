package direct

import (
	"context"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(withoutKubeProxy)

// withoutKubeProxy stops kube-proxy on every node and replaces the pods.
func withoutKubeProxy(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "without-kube-proxy",
		SkipIf:  s.OursAlone("stops kube-proxy"),
		Timeout: 5 * time.Minute,
		Promise: "with kube-proxy stopped on every node the gateway still follows new pods, while the Service's ClusterIP is unreachable",
		Run: func(ctx context.Context, t *check.T) {
			f := newFollower(ctx, t, s, "no-kube-proxy", 1)
			service := &corev1.Service{}
			t.Expect(s.Client.Get(ctx, client.ObjectKey{Namespace: s.Namespace, Name: f.app.Name}, service)).To(gomega.Succeed())
			dial := func(ctx context.Context) error { return dialVirtualIP(ctx, s, service.Spec.ClusterIP) }
			t.Diagnose("the control does not work: the virtual IP must be reachable from the gateway's pod while kube-proxy runs",
				"look at kube-proxy's log and at the Service's EndpointSlices", "https://kubernetes.io/docs/reference/networking/virtual-ips/")
			t.Eventually(ctx, dial).WithTimeout(kit.PropagationTimeout).Should(gomega.Succeed(), "connect to %s from the gateway's pod", service.Spec.ClusterIP)

			t.CleanupWithin(ctx, 2*kit.CleanupTimeout, func(ctx context.Context) {
				t.Expect(signalKubeProxy(ctx, s, "CONT")).To(gomega.Succeed())
				// The control again: it was kube-proxy, and it works again.
				t.Eventually(ctx, dial).WithTimeout(2*kit.CleanupTimeout).Should(gomega.Succeed(), "the ClusterIP once kube-proxy runs again")
			})
			t.Expect(signalKubeProxy(ctx, s, "STOP")).To(gomega.Succeed())
			old := f.app.MustHavePods(ctx, t, 1)[0]
			t.Expect(s.Client.Delete(ctx, &old)).To(gomega.Succeed())
			f.mustFollow(ctx, t, "a new pod without kube-proxy", func(pods []corev1.Pod) bool {
				return len(pods) == 1 && pods[0].Name != old.Name && pods[0].Status.PodIP != old.Status.PodIP
			})
			// A pod that is being deleted accepts connections until it is gone, and the
			// virtual IP still leads to it.
			t.Eventually(ctx, func() error { return s.Client.Get(ctx, client.ObjectKeyFromObject(&old), &corev1.Pod{}) }).WithTimeout(kit.PodsTimeout).
				Should(gomega.Satisfy(apierrors.IsNotFound), "pod %s/%s after its deletion", old.Namespace, old.Name)
			t.Diagnose("the virtual IP follows the pods although kube-proxy is stopped: what was seen proves nothing", "look for who else serves virtual IPs", "")
			t.Expect(dial(ctx)).NotTo(gomega.Succeed(), "connect to %s from the gateway's pod", service.Spec.ClusterIP)
		},
	}
}

// signalKubeProxy sends a signal to kube-proxy on every node. STOP halts it where
// it stands, CONT lets it go on: nothing is restarted by that.
func signalKubeProxy(ctx context.Context, s *stack.Stack, signal string) error {
	return s.OnEachNode(func(node string) error {
		_, err := s.Cluster.Exec(ctx, node, "pkill -"+signal+" -x kube-proxy")
		return err
	})
}
