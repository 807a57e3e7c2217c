package injection

import (
	"context"
	"fmt"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/ptr"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(sidecar)

// sidecar looks at what is injected.
func sidecar(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "injected-pod",
		Promise:  "an injected pod has the proxy as a native sidecar where the nodes can run one, redirects its traffic by an init container or by the CNI plugin, and runs this version",
		Parallel: true,
		SkipIf:   s.WhyNoScratch,
		Run: func(ctx context.Context, t *check.T) {
			namespace, err := s.ScratchNamespace(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			pod, err := kit.Injected(ctx, s, namespace, s.Asking())
			kit.SkipForbidden(t, s, err)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Diagnose("a pod that asks for a sidecar gets none", "istioctl x check-inject", "https://istio.io/latest/docs/ops/common-problems/injection/")
			found, isInit := container(pod, proxy)
			t.Expect(found).NotTo(gomega.BeNil(), "containers %v", kit.ContainerNames(pod))
			native, err := wantNative(ctx, s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Diagnose("the proxy is not the kind of container that this version makes it on these nodes",
				"look for ENABLE_NATIVE_SIDECARS in istiod's environment and for nodes older than Kubernetes 1.33",
				"https://istio.io/latest/blog/2023/native-sidecars/")
			t.Expect(isInit).To(gomega.Equal(native), "the proxy is an init container, in %v", kit.ContainerNames(pod))
			if native {
				t.Expect(ptr.Deref(found.RestartPolicy, "")).To(gomega.Equal(corev1.ContainerRestartPolicyAlways), "restartPolicy of the native sidecar")
			}
			rendered, err := kit.RenderedOf(ctx, s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			redirects(t, rendered.Injection, pod)
			t.Diagnose("new pods get a proxy of another version than was installed", "compare global.hub and global.tag of the istiod release with ConfigMap istio-sidecar-injector",
				"https://istio.io/latest/docs/ops/common-problems/injection/")
			t.Expect(found.Image).To(gomega.Equal(rendered.Injection.Proxy), "image of the proxy")
			t.Observe("%v, native sidecar %t, image %s", kit.ContainerNames(pod), native, found.Image)
		},
	}
}

// redirects asserts which container sees to it that traffic goes by the proxy: with
// pilot.cni.enabled in the istiod release the CNI plugin does. That chart cni is
// installed does not matter: the ambient profile's needs it for pods without
// sidecars, and Istio's instructions for Helm leave the value off there.
// https://istio.io/latest/docs/ambient/install/helm/
func redirects(t *check.T, injection charts.Injection, pod *corev1.Pod) {
	want, other := initializer, validator
	if injection.CNI {
		want, other = validator, initializer
	}
	t.Diagnose("a pod's traffic is not redirected in the way that pilot.cni.enabled of the istiod release says",
		"compare the value with ConfigMap istio-sidecar-injector: an istiod that has not read it again injects by the old one", "https://istio.io/latest/docs/setup/additional-setup/cni/")
	t.Expect(kit.ContainerNames(pod)).To(gomega.ContainElement(want))
	t.Expect(kit.ContainerNames(pod)).NotTo(gomega.ContainElement(other))
}

// wantNative is what istiod should make of the proxy on this cluster's nodes.
func wantNative(ctx context.Context, s *stack.Stack) (bool, error) {
	pods, err := s.ReadyPods(ctx, stack.SystemNamespace, kit.IstiodSelector)
	if err != nil || len(pods) == 0 {
		return false, fmt.Errorf("istiod's environment: %d ready pods: %w", len(pods), err)
	}
	for _, env := range pods[0].Spec.Containers[0].Env {
		if env.Name == "ENABLE_NATIVE_SIDECARS" && env.Value != "auto" {
			return env.Value == "true", nil
		}
	}
	var nodes corev1.NodeList
	if err := s.Client.List(ctx, &nodes); err != nil {
		return false, fmt.Errorf("list the nodes: %w", err)
	}
	var versions []string
	for i := range nodes.Items {
		versions = append(versions, nodes.Items[i].Status.NodeInfo.KubeletVersion)
	}
	return istio.NativeSidecars(s.Cell.Istio, versions)
}
