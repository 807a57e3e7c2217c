package stage

import (
	"testing"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"istio-conformance/internal/rehearse/capture"
)

// mesh is what YAML documents say.
func mesh(t *testing.T, documents ...string) *capture.Mesh {
	t.Helper()
	m := &capture.Mesh{Index: capture.Index{From: "cluster"}}
	for _, document := range documents {
		var body map[string]any
		if err := yaml.Unmarshal([]byte(document), &body); err != nil {
			t.Fatal(err)
		}
		m.Objects = append(m.Objects, &capture.Object{Body: body})
	}
	return m
}

const gatewayObject = "{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: g, namespace: shop}, spec: {selector: {istio: ingress}, servers: [{port: {number: 443}}]}}"

func TestAShapeBecomesPodsEndpointsAndOneProxy(t *testing.T) {
	g := gomega.NewWithT(t)
	m := mesh(t, "{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: http}]}}")
	m.Workloads = []*capture.Workload{{Owner: "Deployment web", Namespace: "shop", Labels: map[string]string{"app": "web"}, Pods: 7, Ready: 6,
		Ports: []capture.Port{{Name: "http", Port: 8080}}, Proxy: "proxyv2:1.30.0", Images: []string{"proxyv2:1.30.0", "web"}}}
	s, err := Build(m)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(s.Pods).To(gomega.HaveLen(3), "two that are ready and one that is not")
	g.Expect(s.Proxies).To(gomega.HaveLen(1))
	g.Expect(s.Proxies[0].String()).To(gomega.Equal("sidecar shop/web"))
	endpoints, _, _ := unstructured.NestedSlice(s.Endpoints[0].Object, "endpoints")
	ready := 0
	for _, e := range endpoints {
		if is, _, _ := unstructured.NestedBool(e.(map[string]any), "conditions", "ready"); is {
			ready++
		}
	}
	g.Expect(endpoints).To(gomega.HaveLen(3))
	g.Expect(ready).To(gomega.Equal(2))
	ports, _, _ := unstructured.NestedSlice(s.Endpoints[0].Object, "ports")
	g.Expect(ports[0]).To(gomega.HaveKeyWithValue("port", gomega.BeNumerically("==", 8080)), "the port by the container's name for it")
	again, err := Build(m)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(again.Pods).To(gomega.Equal(s.Pods), "the same addresses each time")
}

func TestAGatewayWithoutPodsGetsOne(t *testing.T) {
	g := gomega.NewWithT(t)
	s, err := Build(mesh(t, gatewayObject))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(s.Proxies).To(gomega.HaveLen(1))
	g.Expect(s.Proxies[0].String()).To(gomega.Equal("gateway istio-system/ingress"))
	g.Expect(s.Services).To(gomega.HaveLen(1))
	g.Expect(s.Notes).To(gomega.HaveLen(1))
	managed, err := Build(mesh(t, "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: g, namespace: shop}, spec: {gatewayClassName: istio, listeners: [{port: 80}]}}"))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(managed.Proxies[0].String()).To(gomega.Equal("gateway shop/g-istio"))
}

func TestCertificatesAreMadeAnew(t *testing.T) {
	g := gomega.NewWithT(t)
	s, err := Build(mesh(t, "{apiVersion: v1, kind: Secret, metadata: {name: tls, namespace: shop}, type: kubernetes.io/tls, keys: [tls.crt, tls.key], certificates: {tls.crt: [{names: [shop.example]}]}}"))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	for _, o := range s.First {
		if o.GetKind() == "Secret" {
			data, _, _ := unstructured.NestedMap(o.Object, "data")
			g.Expect(data).To(gomega.HaveLen(2))
			return
		}
	}
	t.Error("there is no Secret")
}

func TestObjectsOfOneSecondThatWouldChangePlaces(t *testing.T) {
	g := gomega.NewWithT(t)
	object := func(name, host string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
			"metadata": map[string]any{"name": name, "namespace": "shop"}, "spec": map[string]any{"hosts": []any{host}}}}
	}
	g.Expect(misordered(object("a", "x"), object("b", "x"))).To(gomega.BeFalse())
	g.Expect(misordered(object("b", "x"), object("a", "x"))).To(gomega.BeTrue())
	g.Expect(misordered(object("b", "x"), object("a", "y"))).To(gomega.BeFalse(), "they have nothing to do with each other")
}

func TestAServiceHasTheSameAddressInTwoStages(t *testing.T) {
	g := gomega.NewWithT(t)
	web := "{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {selector: {app: web}, ports: [{port: 80}]}}"
	address := func(documents ...string) string {
		s, err := Build(mesh(t, documents...))
		g.Expect(err).NotTo(gomega.HaveOccurred())
		ip, _, _ := unstructured.NestedString(s.Services[len(s.Services)-1].Object, "spec", "clusterIP")
		return ip
	}
	g.Expect(address(web)).To(gomega.HavePrefix("10.96."))
	g.Expect(address("{apiVersion: v1, kind: Service, metadata: {name: a, namespace: shop}, spec: {ports: [{port: 80}]}}", web)).To(gomega.Equal(address(web)))
	g.Expect(address("{apiVersion: v1, kind: Service, metadata: {name: kubernetes, namespace: default}, spec: {ports: [{port: 443}]}}")).To(gomega.BeEmpty(), "the API server has given it one")
}

// TestIstiodMakesItsOwnAuthority: one with another's certificate and no key to it would keep
// istiod from becoming ready.
func TestIstiodMakesItsOwnAuthority(t *testing.T) {
	mesh := &capture.Mesh{Objects: []*capture.Object{
		{Body: map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "istio-ca-secret", "namespace": "istio-system"}, "keys": []any{"ca-key.pem"}}},
		{Body: map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "shop", "namespace": "istio-system"}, "keys": []any{"tls.key"}}},
	}}
	s, err := Build(mesh)
	g := gomega.NewWithT(t)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	var names []string
	for _, u := range s.First {
		if u.GetKind() == "Secret" {
			names = append(names, u.GetName())
		}
	}
	g.Expect(names).To(gomega.Equal([]string{"shop"}))
}
