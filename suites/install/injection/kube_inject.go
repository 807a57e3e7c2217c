package injection

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(kubeInject)

// kubeInject has istioctl do by itself what istiod's webhook did.
func kubeInject(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "injection-equals-kube-inject",
		Promise:  "what the webhook makes of a pod is what istioctl kube-inject makes of it from the same ConfigMaps",
		Parallel: true,
		SkipIf: func() string {
			if s.Images == nil || s.Images.Istioctl == "" {
				return "the source of the images has no istioctl of this version"
			}
			return s.WhyNoScratch()
		},
		Run: func(ctx context.Context, t *check.T) {
			namespace, err := s.ScratchNamespace(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			native, err := wantNative(ctx, s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			by, err := injection(ctx, s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			by.Native = native
			want := byIstioctl(ctx, t, s, by)
			got, err := kit.Injected(ctx, s, namespace, s.Asking())
			kit.SkipForbidden(t, s, err)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Diagnose("a pod that asks for a sidecar gets none", "istioctl x check-inject", "https://istio.io/latest/docs/ops/common-problems/injection/")
			t.Expect(kit.ContainerNames(got)).To(gomega.ContainElement(proxy))
			spec, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&got.Spec)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Diagnose("a pod is not what istioctl makes of it with the webhook's ConfigMap",
				"kubectl get mutatingwebhookconfigurations: look for a second injector; restart istiod if the ConfigMap is newer than its log",
				"https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/")
			var differences []string
			for _, d := range kube.Drift(want, spec) {
				if !ofNamespace(d.Path) {
					differences = append(differences, d.String())
				}
			}
			t.Expect(differences).To(gomega.BeEmpty(), "kube-inject's pod and the webhook's")
			t.Observe("compared the containers %v", kit.ContainerNames(got))
		},
	}
}

// injection reads what istiod injects by.
func injection(ctx context.Context, s *stack.Stack) (istio.Injection, error) {
	data := map[string]map[string]string{}
	for _, name := range []string{injectorName, "istio"} {
		m := &corev1.ConfigMap{}
		key := client.ObjectKey{Namespace: stack.SystemNamespace, Name: s.Revised(name)}
		if err := s.Client.Get(ctx, key, m); err != nil {
			return istio.Injection{}, fmt.Errorf("get ConfigMap %s: %w", key, err)
		}
		data[name] = m.Data
	}
	injector := data[injectorName]
	return istio.Injection{Config: injector["config"], Values: injector["values"], Mesh: data["istio"]["mesh"]}, nil
}

// byIstioctl returns the pod's spec as kube-inject makes it.
func byIstioctl(ctx context.Context, t *check.T, s *stack.Stack, by istio.Injection) map[string]any {
	t.Helper()
	manifest, err := yaml.Marshal(map[string]any{
		"apiVersion": "v1", "kind": "Pod",
		"metadata": map[string]any{"name": "injection", "namespace": "default", "labels": map[string]any{stack.InjectLabel: "true"}},
		"spec":     map[string]any{"containers": []any{map[string]any{"name": "app", "image": kit.AppImage}}},
	})
	t.Expect(err).NotTo(gomega.HaveOccurred())
	output, err := istio.KubeInject(ctx, s.Images.Istioctl, s.Cluster.Kubeconfig, by, manifest)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	objects, err := kube.Decode(bytes.NewReader(output))
	t.Expect(err).NotTo(gomega.HaveOccurred(), "what istioctl kube-inject printed: %s", output)
	t.Expect(objects).To(gomega.HaveLen(1))
	spec, found, err := unstructured.NestedMap(objects[0].Object, "spec")
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(found).To(gomega.BeTrue())
	return spec
}

// ofNamespace reports whether a field names the pod's own namespace or name,
// which kube-inject was not told.
func ofNamespace(path string) bool {
	return strings.Contains(path, "env[ISTIO_META_OWNER]") || strings.Contains(path, "env[ISTIO_META_WORKLOAD_NAME]")
}
