package main

import (
	"testing"

	"github.com/onsi/gomega"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/internal/mesh/istio"
)

func TestDoctorNamesWhatEnds(t *testing.T) {
	g := gomega.NewWithT(t)
	table, err := istio.Load()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	installed := func(name, hub string, config map[string]any) *release.Release {
		values := map[string]any{"global": map[string]any{"hub": hub}}
		return &release.Release{Name: name, Namespace: "istio-system", Config: config, Chart: &chart.Chart{Metadata: &chart.Metadata{Name: name, Version: "1.30.4"}, Values: values}}
	}
	lines := endingReleases(table, []*release.Release{
		installed("istiod", "registry.istio.io/release", nil),
		installed("cni", "registry.istio.io/release", map[string]any{"global": map[string]any{"hub": "docker.io/istio"}}),
		{Name: "other", Chart: &chart.Chart{Metadata: &chart.Metadata{Name: "other"}}},
	})
	g.Expect(lines).To(gomega.ConsistOf(gomega.And(gomega.ContainSubstring("release istio-system/istiod"), gomega.ContainSubstring("2026-12-08"), gomega.ContainSubstring("use docker.io/istio"))))

	pod := func(name string, images ...string) corev1.Pod {
		p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "shop", Name: name}}
		for _, image := range images {
			p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Image: image})
		}
		return p
	}
	g.Expect(endingImages(table, []corev1.Pod{
		pod("a", "gcr.io/istio-release/proxyv2:1.30.0", "app"), pod("b", "gcr.io/istio-release/proxyv2:1.30.0"), pod("c", "docker.io/istio/proxyv2:1.31.4"),
	})).To(gomega.ConsistOf(gomega.ContainSubstring("gcr.io/istio-release/proxyv2:1.30.0: run by 2 pods, shop/a among them,")))
}
