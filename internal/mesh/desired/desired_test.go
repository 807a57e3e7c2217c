package desired

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/onsi/gomega"
)

func TestRead(t *testing.T) {
	for _, tt := range []struct {
		path string
		want []Release
	}{
		{"testdata/list.yaml", []Release{
			{Chart: "base", Name: "istio-base", Namespace: "istio-system", Values: map[string]any{}, Where: "testdata/list.yaml:2"},
			{
				Chart: "istiod", Name: "istiod", Namespace: "istio-system", Version: "1.31.0", Where: "testdata/list.yaml:3",
				Values: map[string]any{"pilot": map[string]any{"replicaCount": 3, "traceSampling": 5.0}, "meshConfig": map[string]any{"accessLogFile": ""}},
			},
			{Chart: "gateway", Name: "public", Namespace: "edge", Values: map[string]any{}, Where: "testdata/list.yaml:9"},
		}},
		{"testdata/argocd.yaml", []Release{
			{Chart: "base", Name: "istio-base", Namespace: "istio-system", Version: "1.31.0", Values: map[string]any{}, Where: "testdata/argocd.yaml:45"},
			{
				Chart: "istiod", Name: "control-plane", Namespace: "istio-system", Version: "1.31.*", Where: "testdata/argocd.yaml:25",
				Values: map[string]any{"pilot": map[string]any{"replicaCount": 4.0, "traceSampling": 5.0}, "meshConfig": map[string]any{"accessLogFile": ""}},
			},
			{Chart: "gateway", Name: "public", Namespace: "edge", Version: "1.31.0", Values: map[string]any{"labels": map[string]any{"istio": "public"}}, Where: "testdata/argocd.yaml:6"},
		}},
		{"testdata/flux", []Release{
			{Chart: "base", Name: "istio-system-base", Namespace: "istio-system", Version: "1.31.0", Values: map[string]any{}, Where: "testdata/flux/base.yml:1"},
			{Chart: "istiod", Name: "istiod", Namespace: "istio-system", Version: "1.31.0", Values: map[string]any{"revision": "blue"}, Where: "testdata/flux/istiod.yaml:1"},
		}},
	} {
		t.Run(tt.path, func(t *testing.T) {
			g := gomega.NewWithT(t)
			got, err := Read(tt.path)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			g.Expect(got).To(gomega.Equal(tt.want))
		})
	}
}

func TestReadRefuses(t *testing.T) {
	for _, tt := range []struct{ name, content, says string }{
		{"no YAML", "a: [", "mesh.yaml: line 1: did not find expected node content"},
		{"an unknown chart", "releases:\n- chart: kiali\n", `mesh.yaml:2: chart "kiali" is none of Istio's; want base, cni, istiod, ztunnel, gateway`},
		{"an unknown key", "releases:\n- chart: base\n  chartVersion: 1.31.0\n", `mesh.yaml:3: a release has no "chartVersion"; want chart, name, namespace, version, valueFiles, values`},
		{"a key beside the list", "releases: []\nextra: 1\n", `mesh.yaml:2: there is no "extra" beside "releases"`},
		{"a release twice", "releases:\n- chart: gateway\n- chart: gateway\n", "mesh.yaml:3: release istio-ingress/istio-ingressgateway stands at "},
		{"a missing value file", "releases:\n- chart: base\n  valueFiles: [none.yaml]\n", "mesh.yaml:2: value file none.yaml: "},
		{"values of another type", "releases:\n- chart: base\n  values: 3\n", "mesh.yaml:2: "},
		{"nothing of Istio", "apiVersion: v1\nkind: ConfigMap\n", "no release of Istio in it"},
		{"Flux with values from elsewhere", "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: x}\nspec: {chart: {spec: {chart: istiod}}, valuesFrom: [{kind: Secret, name: s}]}\n", "mesh.yaml:1: HelmRelease x: values from Secret s are not read; say them in values"},
		{"a list", "- a\n", "mesh.yaml:1: want a mapping"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "mesh.yaml")
			if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Read(path)
			gomega.NewWithT(t).Expect(err).To(gomega.MatchError(gomega.ContainSubstring(tt.says)))
		})
	}
	_, err := Read(filepath.Join(t.TempDir(), "none.yaml"))
	gomega.NewWithT(t).Expect(err).To(gomega.MatchError(gomega.HaveSuffix("none.yaml: no such file or directory")))
}

// The schema that people's editors use knows the same charts and keys.
func TestTheSchemaIsCurrent(t *testing.T) {
	g := gomega.NewWithT(t)
	content, err := os.ReadFile("../../../docs/installation.schema.json")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	var schema struct {
		Properties struct {
			Releases struct {
				Items struct {
					Properties map[string]struct{ Enum []string }
				}
			}
		}
	}
	g.Expect(json.Unmarshal(content, &schema)).To(gomega.Succeed())
	properties := schema.Properties.Releases.Items.Properties
	g.Expect(slices.Collect(maps.Keys(properties))).To(gomega.ConsistOf(fields))
	g.Expect(properties["chart"].Enum).To(gomega.Equal(Charts))
}
