package upgrade

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/istio"
)

const twoCRDs = `apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: telemetries.telemetry.istio.io
spec:
  group: telemetry.istio.io
  names: {kind: Telemetry, plural: telemetries}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
  - name: v1alpha1
    served: true
    storage: false

---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: envoyfilters.networking.istio.io
spec:
  group: networking.istio.io
  names: {kind: EnvoyFilter, plural: envoyfilters}
  scope: Namespaced
  versions:
  - name: v1alpha3
    served: true
    storage: true
`

func TestWithoutVersion(t *testing.T) {
	g := gomega.NewWithT(t)
	same, err := withoutVersion("templates/other.yaml", []byte(twoCRDs), "telemetries.telemetry.istio.io", "v1alpha1")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(string(same)).To(gomega.Equal(twoCRDs))

	names := func(content []byte) map[string][]string {
		crds, err := istio.ExpectedCRDs(string(content))
		g.Expect(err).NotTo(gomega.HaveOccurred())
		all := map[string][]string{}
		for _, crd := range crds {
			for _, v := range crd.Versions {
				all[crd.Kind] = append(all[crd.Kind], v.Name)
			}
		}
		return all
	}
	edited, err := withoutVersion("files/crd-all.gen.yaml", []byte(twoCRDs), "telemetries.telemetry.istio.io", "v1alpha1")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(names(edited)).To(gomega.Equal(map[string][]string{"Telemetry": {"v1"}, "EnvoyFilter": {"v1alpha3"}}))

	edited, err = withoutVersion("files/crd-all.gen.yaml", []byte(twoCRDs), "envoyfilters.networking.istio.io", "v1alpha3")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(names(edited)["EnvoyFilter"]).To(gomega.Equal([]string{"v1alpha30"}), "a CRD keeps a version, but not the stored one")
}

func TestOrphanWebhook(t *testing.T) {
	g := gomega.NewWithT(t)
	line := `    istio.io/rev: {{ .Values.revision | default "default" | quote }}`
	edited, err := orphanWebhook("templates/mutatingwebhook.yaml", []byte("metadata:\n"+line+"\n"))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(string(edited)).To(gomega.ContainSubstring("istio.io/rev: nobody"))
	same, err := orphanWebhook("templates/deployment.yaml", []byte(line))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(string(same)).To(gomega.Equal(line))
}

// What is broken is the new version's chart, and no other.
func TestSpoiledApplies(t *testing.T) {
	g := gomega.NewWithT(t)
	b := &spoiled{chart: "gateway", values: map[string]any{"a": 1}, path: "/broken"}
	r := charts.Release{Chart: "/good"}
	g.Expect(b.apply("istiod", true, r).Chart).To(gomega.Equal("/good"))
	g.Expect(b.apply("gateway", false, r).Chart).To(gomega.Equal("/good"))
	g.Expect(b.apply("gateway", true, r).Chart).To(gomega.Equal("/broken"))
	b.both = true
	g.Expect(b.apply("gateway", false, r).Chart).To(gomega.Equal("/broken"))
}

func TestBreaksNameWhatTheyExpect(t *testing.T) {
	g := gomega.NewWithT(t)
	names := map[string]bool{}
	for _, b := range breaks() {
		g.Expect(names).NotTo(gomega.HaveKey(b.name))
		names[b.name] = true
		leg, step, found := strings.Cut(b.step, " ")
		g.Expect(found).To(gomega.BeTrue())
		g.Expect(leg).To(gomega.BeElementOf(legForward, legRollback))
		g.Expect(step).To(gomega.BeElementOf(istio.Order(false)))
		g.Expect(b.says).NotTo(gomega.BeEmpty())
		g.Expect(b.edit != nil || b.values != nil).To(gomega.BeTrue(), "%s breaks nothing", b.name)
	}
}
