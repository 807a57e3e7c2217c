package verify

import (
	"testing"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/internal/mesh/charts"
	"istio-conformance/suites/kit"
)

// pod is one of namespace ns with containers by their names.
func pod(name, app string, containers map[string]string) corev1.Pod {
	p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: name, Labels: map[string]string{"app": app, "more": "x"}}}
	for c, image := range containers {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: c, Image: image})
	}
	return p
}

func TestCompare(t *testing.T) {
	rendered := kit.Rendered{
		Workloads: []charts.Workload{
			{Kind: "DaemonSet", Namespace: "ns", Name: "ztunnel", Selector: map[string]string{"app": "ztunnel"}, Images: map[string]string{"istio-proxy": "h/ztunnel:1-distroless"}},
			{Kind: "Deployment", Namespace: "ns", Name: "gateway", Selector: map[string]string{"app": "gateway"}, Images: map[string]string{"istio-proxy": "auto"}},
		},
		Injection: charts.Injection{Proxy: "h/proxyv2:1-distroless", Init: "h/proxyv2:1"},
	}
	g := gomega.NewWithT(t)
	found, wrong := compare(rendered, []corev1.Pod{
		pod("z", "ztunnel", map[string]string{"istio-proxy": "h/ztunnel:1-distroless"}),
		pod("g", "gateway", map[string]string{"istio-proxy": "h/proxyv2:1-distroless"}),
		pod("a", "own", map[string]string{"istio-proxy": "h/proxyv2:1-distroless", "istio-init": "h/proxyv2:1", "app": "own:1"}),
		pod("other", "own", map[string]string{"app": "own:1"}),
	})
	g.Expect(wrong).To(gomega.BeEmpty())
	g.Expect(found.containers).To(gomega.Equal(4))
	g.Expect(found.pods).To(gomega.Equal(3))
	g.Expect(found.workloads).To(gomega.And(gomega.HaveKey("DaemonSet ns/ztunnel"), gomega.HaveKey("Deployment ns/gateway")))

	gone := pod("gone", "ztunnel", map[string]string{"istio-proxy": "h/old:1"})
	gone.DeletionTimestamp = &metav1.Time{}
	_, wrong = compare(rendered, []corev1.Pod{
		pod("z", "ztunnel", map[string]string{"istio-proxy": "h/ztunnel:1"}),
		pod("a", "own", map[string]string{"istio-proxy": "h/ztunnel:1-distroless"}),
		gone,
	})
	g.Expect(wrong).To(gomega.ConsistOf(
		"container istio-proxy of pod ns/z: h/ztunnel:1, want h/ztunnel:1-distroless",
		"container istio-proxy of pod ns/a: h/ztunnel:1-distroless, want h/proxyv2:1-distroless",
	))
}
