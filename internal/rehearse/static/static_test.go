package static

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/finding"
)

// write writes files below a new directory.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// crd is a CRD of VirtualService at versions, with fields of spec.
func crd(fields string, versions ...string) string {
	var text strings.Builder
	text.WriteString("apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: virtualservices.networking.istio.io}\nspec:\n" +
		"  group: networking.istio.io\n  names: {kind: VirtualService, plural: virtualservices}\n  scope: Namespaced\n  versions:\n")
	for i, version := range versions {
		fmt.Fprintf(&text, "  - name: %s\n    served: true\n    storage: %t\n    schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {%s}}}}}\n", version, i == 0, fields)
	}
	return text.String()
}

// packaged are two charts of a version.
func packaged(t *testing.T, base, istiod, values string) map[string]string {
	t.Helper()
	dir := write(t, map[string]string{
		"base/Chart.yaml": "apiVersion: v2\nname: base\nversion: 1.0.0\n", "base/templates/crds.yaml": base,
		"istiod/Chart.yaml": "apiVersion: v2\nname: istiod\nversion: 1.0.0\n", "istiod/values.yaml": values, "istiod/templates/x.yaml": istiod,
	})
	return map[string]string{"base": filepath.Join(dir, "base"), "istiod": filepath.Join(dir, "istiod")}
}

const (
	reads   = "kind: ConfigMap\ndata: {a: {{ .Values.a | quote }}, old: {{ .Values.old | quote }}}\n"
	forgets = "kind: ConfigMap\ndata: {a: {{ .Values.a | quote }}}\n"
	refuses = `{{ if .Values.old }}{{ fail "old is gone" }}{{ end }}`
	hosts   = "hosts: {type: array, items: {type: string}}"
	virtual = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: web, namespace: shop}\nspec:\n"
)

func TestEachPlantedChangeIsNamed(t *testing.T) {
	istiod := func(values string) string {
		return "name: istiod\nnamespace: istio-system\nchart: istiod\nby: helm\nversion: 1.30.0\nvalues:\n  " + values + "\n"
	}
	for name, c := range map[string]struct {
		files            map[string]string
		before, after    string // CRDs
		chart, chartThen string
		want             string // level rule object field line
	}{
		"nothing":                   {files: map[string]string{"releases/istio-system/istiod.yaml": istiod("a: 1")}},
		"a value is ignored":        {files: map[string]string{"releases/istio-system/istiod.yaml": istiod("old: 1")}, chartThen: forgets, want: "breaks values-ignored release istio-system/istiod values.old 7"},
		"a value never did a thing": {files: map[string]string{"releases/istio-system/istiod.yaml": istiod("mis: {spelt: 1}")}, want: "look values-ignored release istio-system/istiod values.mis.spelt 7"},
		"a value is the default": {files: map[string]string{"releases/istio-system/istiod.yaml": istiod("pilot: {replicas: 1}")},
			chart: "kind: ConfigMap\ndata: {a: {{ dig \"replicas\" 1 (.Values.pilot | default dict) }}}\n"},
		"a value is refused": {files: map[string]string{"releases/istio-system/istiod.yaml": istiod("old: 1")}, chartThen: refuses, want: "breaks values-refused release istio-system/istiod values 6"},
		"a field is gone": {files: map[string]string{"namespaces/shop/v.yaml": virtual + "  hosts: [a]\n  tls: [x]\n"},
			before: crd(hosts+", tls: {type: array, items: {type: string}}", "v1"), want: "breaks field-dropped VirtualService shop/web spec.tls 6"},
		"a field was never there": {files: map[string]string{"namespaces/shop/v.yaml": virtual + "  hosts: [a]\n  tlz: [x]\n"}, want: "look field-dropped VirtualService shop/web spec.tlz 6"},
		"a schema refuses": {files: map[string]string{"namespaces/shop/v.yaml": virtual + "  hosts: [\"\"]\n"},
			after: crd("hosts: {type: array, items: {type: string, minLength: 1}}", "v1"), want: "breaks schema-refuses VirtualService shop/web spec.hosts[0] 5"},
		"a version is gone": {files: map[string]string{"namespaces/shop/v.yaml": strings.Replace(virtual, "/v1", "/v1alpha3", 1) + "  hosts: [a]\n"},
			before: crd(hosts, "v1", "v1alpha3"), want: "breaks version-gone VirtualService shop/web apiVersion 1"},
		"a stored version is gone": {files: map[string]string{"cluster/crd.yaml": "kind: CustomResourceDefinition\napiVersion: apiextensions.k8s.io/v1\nmetadata: {name: virtualservices.networking.istio.io}\n" +
			"spec: {group: networking.istio.io, names: {kind: VirtualService}}\nstatus: {storedVersions: [v1alpha3, v1]}\n", "namespaces/shop/v.yaml": virtual + "  hosts: [a]\n"},
			want: "breaks stored-version CustomResourceDefinition virtualservices.networking.istio.io status.storedVersions 5"},
		"a hub ends":     {files: map[string]string{"releases/istio-system/istiod.yaml": istiod("global: {hub: registry.istio.io/release}")}, chart: reads + "# {{ .Values.global }}\n", want: "breaks place-ends release istio-system/istiod values.global.hub 7"},
		"a proxy is old": {files: map[string]string{"namespaces/shop/workloads.yaml": "namespace: shop\nowner: Deployment web\npods: 2\nready: 2\nproxy: docker.io/istio/proxyv2:1.28.1\n", "namespaces/shop/v.yaml": virtual + "  hosts: [a]\n"}, want: "breaks proxy-too-old Deployment shop/web proxy 5"},
		"the Gateway API's CRDs are old": {files: map[string]string{"cluster/crd.yaml": "kind: CustomResourceDefinition\napiVersion: apiextensions.k8s.io/v1\nmetadata:\n  name: tlsroutes.gateway.networking.k8s.io\n" +
			"  annotations: {gateway.networking.k8s.io/bundle-version: v1.4.0}\n", "namespaces/shop/v.yaml": virtual + "  hosts: [a]\n"},
			want: "look gateway-api-crds CustomResourceDefinition tlsroutes.gateway.networking.k8s.io gateway.networking.k8s.io/bundle-version 5"},
		"a route has no backends": {files: map[string]string{"namespaces/shop/r.yaml": "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r, namespace: shop}\nspec: {rules: [{matches: []}]}\n"},
			want: "look note-route-without-backends HTTPRoute shop/r  1"},
		"a variable is gone": {files: map[string]string{"releases/istio-system/istiod.yaml": istiod("pilot: {env: {PILOT_SPAWN_UPSTREAM_SPAN_FOR_GATEWAY: \"false\"}}")},
			chart: reads + "# {{ .Values.pilot }}\n", chartThen: reads + "# {{ .Values.pilot }}\n",
			want: "breaks note-spawn-upstream-span release istio-system/istiod values.pilot.env.PILOT_SPAWN_UPSTREAM_SPAN_FOR_GATEWAY 7"},
		"a field of meshConfig is unknown": {files: map[string]string{"releases/istio-system/istiod.yaml": istiod("meshConfig: {mixerCheckServer: x}")},
			chart: reads + "# {{ .Values.meshConfig }}\n", chartThen: reads + "# {{ .Values.meshConfig }}\n",
			want: "look mesh-config release istio-system/istiod values.meshConfig 7"},
	} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			c.files["index.yaml"] = "schema: " + capture.Schema + "\nfrom: cluster\nkubernetes: v1.36.3\n"
			mesh, err := capture.Read(write(t, c.files))
			g.Expect(err).NotTo(gomega.HaveOccurred())
			first := func(texts ...string) string {
				for _, text := range texts {
					if text != "" {
						return text
					}
				}
				return ""
			}
			report, err := Rehearse(t.Context(), Step{
				Mesh: mesh, From: parse(t, "1.30.0"), To: parse(t, "1.31.0"), Kubernetes: "v1.36.3",
				FromCharts: packaged(t, first(c.before, crd(hosts, "v1")), first(c.chart, reads), "a: 0\nold: \"\"\n"),
				ToCharts:   packaged(t, first(c.after, crd(hosts, "v1")), first(c.chartThen, c.chart, reads), "a: 0\n"),
			})
			g.Expect(err).NotTo(gomega.HaveOccurred())
			var got []string
			for _, f := range report.Findings {
				if f.Level != finding.Note {
					got = append(got, fmt.Sprintf("%s %s %s %s %d", f.Level, f.Rule, f.Object, f.Field, f.Line))
				}
			}
			var want []string
			if c.want != "" {
				want = []string{c.want}
			}
			g.Expect(got).To(gomega.Equal(want), "exactly this: %+v", report.Findings)
			g.Expect(report.Err() != nil).To(gomega.Equal(strings.HasPrefix(c.want, "breaks")))
		})
	}
}

func parse(t *testing.T, text string) istio.Version {
	t.Helper()
	v, err := istio.ParseVersion(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
