package stage

import (
	"testing"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"istio-conformance/internal/rehearse/capture"
)

func TestAShapeBecomesOneStandIn(t *testing.T) {
	g := gomega.NewWithT(t)
	m := mesh(t, "{apiVersion: v1, kind: Service, metadata: {name: web, namespace: shop}, spec: {type: LoadBalancer, selector: {app: web}, ports: [{name: http, port: 80, targetPort: 9080}, {name: x, port: 18081}]}}", gatewayObject,
		"{apiVersion: v1, kind: Service, metadata: {name: kubernetes, namespace: default}, spec: {ports: [{port: 443}]}}",
		"{apiVersion: v1, kind: Secret, metadata: {name: cacerts, namespace: istio-system}, keys: [ca-cert.pem]}")
	m.Workloads = []*capture.Workload{
		{Owner: "Deployment web", Namespace: "shop", ServiceAccount: "web", Labels: map[string]string{"app": "web"}, Pods: 7, Ready: 6, Proxy: "proxyv2:1", Images: []string{"proxyv2:1", "web"}},
		{Owner: "Deployment ingress", Namespace: "edge", Labels: map[string]string{"istio": "ingress"}, Pods: 1, Ready: 1, Proxy: "proxyv2:1", Images: []string{"proxyv2:1"}},
	}
	live, err := BuildLive(m, "backend:1")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(live.StandIns).To(gomega.HaveLen(1), "a chart makes the gateway")
	g.Expect(live.Services).To(gomega.HaveLen(1), "not the cluster's own")
	g.Expect(live.First).NotTo(gomega.ContainElement(gomega.HaveField("GetKind()", "Secret")), "not the mesh's own authority")
	s := live.StandIns[0]
	g.Expect(s.Ports).To(gomega.Equal([]int32{9080, 18081}))
	g.Expect(s.Health).To(gomega.BeEquivalentTo(18082), "no port of the workload's")
	g.Expect(s.Proxied).To(gomega.BeTrue())
	replicas, _, _ := unstructured.NestedInt64(live.Pods[0].Object, "spec", "replicas")
	g.Expect(replicas).To(gomega.BeEquivalentTo(1))
	labels, _, _ := unstructured.NestedStringMap(live.Pods[0].Object, "spec", "template", "metadata", "labels")
	g.Expect(labels).To(gomega.Equal(map[string]string{"app": "web", StandInLabel: "web", injectLabel: "true"}))
	kind, _, _ := unstructured.NestedString(live.Services[0].Object, "spec", "type")
	g.Expect(kind).To(gomega.BeEmpty())
}

func TestTheInstallationHasAGatewayForEachSelector(t *testing.T) {
	g := gomega.NewWithT(t)
	m := mesh(t, gatewayObject,
		"{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: h, namespace: shop}, spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80}}]}}",
		"{apiVersion: v1, kind: Service, metadata: {name: edge, namespace: edge}, spec: {selector: {istio: ingress}, ports: [{name: https, port: 443, targetPort: 8443}]}}")
	m.Releases = []*capture.Release{{Name: "istio-ingressgateway", Namespace: "front", Chart: "gateway"}, {Name: "istiod", Namespace: "istio-system", Chart: "istiod", Values: map[string]any{"a": "b"}}}
	releases, entrances, notes := Installation(m)
	var names []string
	for _, r := range releases {
		names = append(names, r.Chart+" "+r.Namespace+"/"+r.Name)
	}
	g.Expect(names).To(gomega.Equal([]string{"base istio-system/istio-base", "istiod istio-system/istiod", "gateway front/istio-ingressgateway", "gateway edge/edge"}))
	g.Expect(entrances).To(gomega.HaveLen(2))
	g.Expect(notes).To(gomega.HaveLen(2))
	g.Expect(releases[3].Values["service"]).To(gomega.Equal(map[string]any{"ports": []any{map[string]any{"name": "https", "port": 443.0, "targetPort": 8443.0}}}))
}
