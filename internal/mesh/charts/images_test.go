package charts

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"
)

const startsPods = `
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: node, namespace: elsewhere}
spec:
  selector: {matchLabels: {app: node}}
  template:
    spec:
      initContainers: [{name: first, image: hub/first:1}]
      containers: [{name: second, image: "hub/second:1-distroless"}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: gateway}
spec:
  selector: {matchLabels: {istio: gateway}}
  template: {spec: {containers: [{name: istio-proxy, image: auto}]}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: none}
data: {mesh: ""}
`

func TestWorkloads(t *testing.T) {
	g := gomega.NewWithT(t)
	all, err := Workloads("istio-system", startsPods)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(all).To(gomega.Equal([]Workload{
		{"DaemonSet", "elsewhere", "node", map[string]string{"app": "node"}, map[string]string{"first": "hub/first:1", "second": "hub/second:1-distroless"}},
		{"Deployment", "istio-system", "gateway", map[string]string{"istio": "gateway"}, map[string]string{"istio-proxy": "auto"}},
	}))
	g.Expect(Auto(all[1].Images["istio-proxy"])).To(gomega.BeTrue())
	_, err = Workloads("istio-system", strings.ReplaceAll(startsPods, "image: auto", "image: ''"))
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("Deployment gateway: a container of its pods has no name or no image")))
}

// injector is the manifest of an istiod with the values and the mesh configuration.
func injector(values, mesh string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio-sidecar-injector-canary}\ndata:\n  values: |-\n    " + values +
		"\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio-canary}\ndata:\n  mesh: |-\n    " + mesh + "\n"
}

func TestInjectionOf(t *testing.T) {
	const plain = `{"global": {"hub": "h", "tag": "1.31.0", "proxy": {"image": "proxyv2"}, "proxy_init": {"image": "proxyv2"}}, "pilot": {"cni": {"enabled": false}}}`
	for _, c := range []struct {
		name, values, mesh string
		want               Injection
	}{
		{"default", plain, "defaultConfig: {}", Injection{Proxy: "h/proxyv2:1.31.0", Init: "h/proxyv2:1.31.0"}},
		{
			"ambient", `{"global": {"hub": "h", "tag": "1.31.0", "variant": "distroless", "proxy": {"image": "proxyv2"}}, "pilot": {}}`, `defaultConfig: {image: {imageType: distroless}}`,
			Injection{Proxy: "h/proxyv2:1.31.0-distroless", Init: "h/proxyv2:1.31.0-distroless"},
		},
		{"proxies of another variant", plain, `defaultConfig: {image: {imageType: debug}}`, Injection{Proxy: "h/proxyv2:1.31.0-debug", Init: "h/proxyv2:1.31.0"}},
		{
			"the variant is in the tag", `{"global": {"hub": "h", "tag": "1.31.0-distroless", "variant": "distroless"}}`, "{}",
			Injection{Proxy: "h/proxyv2:1.31.0-distroless", Init: "h/proxyv2:1.31.0-distroless"},
		},
		{"default is no variant", `{"global": {"hub": "h", "tag": "1-debug", "variant": "default"}}`, "{}", Injection{Proxy: "h/proxyv2:1", Init: "h/proxyv2:1"}},
		{
			"whole references, a tag like a number, and the plugin", `{"global": {"hub": "h", "tag": 7, "proxy": {"image": "o/p:2"}}, "pilot": {"cni": {"enabled": true}}}`, "{}",
			Injection{Proxy: "o/p:2", Init: "h/proxyv2:7", CNI: true},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			got, err := InjectionOf(injector(c.values, c.mesh))
			g.Expect(err).NotTo(gomega.HaveOccurred())
			g.Expect(*got).To(gomega.Equal(c.want))
		})
	}
	g := gomega.NewWithT(t)
	got, err := InjectionOf(startsPods)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(got).To(gomega.BeNil(), "another chart has no injector")
	_, err = InjectionOf(injector(`{"global": {"hub": "h"}}`, "{}"))
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("no hub or no tag")))
	_, err = InjectionOf(injector(`{`, "{}"))
	g.Expect(err).To(gomega.HaveOccurred())
}

func TestImages(t *testing.T) {
	g := gomega.NewWithT(t)
	images, proxy, err := Images(t.Context(), []Release{{Name: "demo", Namespace: "demo", Chart: demoDir}}, "v1.36.3")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(images).To(gomega.BeEmpty(), "it starts nothing")
	g.Expect(proxy).To(gomega.BeEmpty())
	_, _, err = Images(t.Context(), []Release{{Name: "demo", Namespace: "demo", Chart: t.TempDir()}}, "v1.36.3")
	g.Expect(err).To(gomega.HaveOccurred())
}
