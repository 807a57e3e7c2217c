package stack

import (
	"testing"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

func TestObjectsAreShownWhereTheDefaultHidesThem(t *testing.T) {
	hidden := exports{Services: []string{"."}, VirtualServices: []string{"."}, DestinationRules: []string{"*"}}
	object := func(kind string, spec map[string]any) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"kind": kind, "metadata": map[string]any{"name": "a"}, "spec": spec}}
	}
	for name, test := range map[string]struct {
		of   exports
		o    *unstructured.Unstructured
		path []string
		want any
	}{
		"a hidden VirtualService":                {hidden, object("VirtualService", map[string]any{}), []string{"spec", "exportTo"}, []any{"*"}},
		"a VirtualService that says where":       {hidden, object("VirtualService", map[string]any{"exportTo": []any{"."}}), []string{"spec", "exportTo"}, []any{"."}},
		"a ServiceEntry goes by that of Service": {hidden, object("ServiceEntry", map[string]any{}), []string{"spec", "exportTo"}, []any{"*"}},
		"a Service has an annotation":            {hidden, object("Service", map[string]any{}), []string{"metadata", "annotations", exportAnnotation}, "*"},
		"a DestinationRule is seen":              {hidden, object("DestinationRule", map[string]any{}), []string{"spec", "exportTo"}, nil},
		"a Gateway is not exported":              {hidden, object("Gateway", map[string]any{}), []string{"spec", "exportTo"}, nil},
		"no default":                             {exports{}, object("VirtualService", map[string]any{}), []string{"spec", "exportTo"}, nil},
	} {
		g := gomega.NewWithT(t)
		g.Expect(test.of.show(test.o)).To(gomega.Succeed(), name)
		got, _, err := unstructured.NestedFieldCopy(test.o.Object, test.path...)
		g.Expect(err).NotTo(gomega.HaveOccurred(), name)
		if test.want == nil {
			g.Expect(got).To(gomega.BeNil(), name)
			continue
		}
		g.Expect(got).To(gomega.Equal(test.want), name)
	}
}

func TestGatewaysGoToTheirPods(t *testing.T) {
	g := gomega.NewWithT(t)
	gateway := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "networking.istio.io/v1", "kind": "Gateway", "metadata": map[string]any{"name": "a"}}}
	g.Expect(scope(gateway, "ingress")).To(gomega.Succeed())
	g.Expect(gateway.GetNamespace()).To(gomega.Equal("ingress"))
	route := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "spec": map[string]any{"gateways": []any{"a", "mesh", "other/b"}}}}
	g.Expect(scope(route, "ingress")).To(gomega.Succeed())
	names, _, err := unstructured.NestedStringSlice(route.Object, "spec", "gateways")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(names).To(gomega.Equal([]string{"ingress/a", "mesh", "other/b"}))
	other := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": map[string]any{"name": "a"}}}
	g.Expect(scope(other, "ingress")).To(gomega.Succeed())
	g.Expect(other.GetNamespace()).To(gomega.BeEmpty(), "istiod deploys its pods where it is")
}

func TestAGatewayOfSomebodyElsesIsNotReachedWhereGatewaysAreScoped(t *testing.T) {
	g := gomega.NewWithT(t)
	s := New(Config{Kubeconfig: "kubeconfig", Scope: ScopeNamespace}).Stack
	g.Expect(s.WhyScoped()).To(gomega.BeEmpty())
	s.scoped = true
	g.Expect(s.WhyNotRouted()).To(gomega.ContainSubstring(scopeVariable))
	own := New(Config{}).Stack
	own.scoped = true
	g.Expect(own.WhyNotRouted()).To(gomega.BeEmpty(), "there Gateways are made in the gateway's namespace")
}
