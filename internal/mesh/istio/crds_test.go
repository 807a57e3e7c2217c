package istio

import (
	"reflect"
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
)

const manifest = `---
# Source: base/templates/crds.yaml
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: virtualservices.networking.istio.io
spec:
  group: networking.istio.io
  names: {kind: VirtualService, plural: virtualservices, shortNames: [vs]}
  scope: Namespaced
  versions:
  - {name: v1, served: true, storage: true}
  - {name: v1alpha3, served: false, storage: false}
---
apiVersion: v1
kind: ServiceAccount
metadata:
  name: istio-reader-service-account
---
# only a comment
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: proxyconfigs.networking.istio.io
spec:
  group: networking.istio.io
  names: {kind: ProxyConfig, plural: proxyconfigs}
  scope: Namespaced
  versions:
  - {name: v1beta1, served: true, storage: true}
`

func TestExpectedCRDs(t *testing.T) {
	got, err := ExpectedCRDs(manifest)
	if err != nil {
		t.Fatal(err)
	}
	want := []CRD{
		{
			Name: "proxyconfigs.networking.istio.io", Group: "networking.istio.io", Kind: "ProxyConfig", Plural: "proxyconfigs",
			Names: apiextensionsv1.CustomResourceDefinitionNames{Kind: "ProxyConfig", Plural: "proxyconfigs"},
			Scope: "Namespaced", Conversion: "None", Versions: []CRDVersion{{"v1beta1", true, true}},
		},
		{
			Name: "virtualservices.networking.istio.io", Group: "networking.istio.io", Kind: "VirtualService", Plural: "virtualservices",
			Names: apiextensionsv1.CustomResourceDefinitionNames{Kind: "VirtualService", Plural: "virtualservices", ShortNames: []string{"vs"}},
			Scope: "Namespaced", Conversion: "None", Versions: []CRDVersion{{"v1", true, true}, {"v1alpha3", false, false}},
		},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestExpectedCRDsRefuses(t *testing.T) {
	cases := []struct{ name, manifest, says string }{
		{"twice", manifest + "\n---\n" + manifest, "twice"},
		{"stores none", strings.ReplaceAll(manifest, "storage: true", "storage: false"), "stores 0 versions"},
		{"not YAML", "kind: [", "decode"},
	}
	for _, c := range cases {
		_, err := ExpectedCRDs(c.manifest)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: error %v, want one that says %q", c.name, err, c.says)
		}
	}
}

func TestExpectedCRDsOfNothing(t *testing.T) {
	got, err := ExpectedCRDs("")
	if err != nil || len(got) != 0 {
		t.Errorf("got %v, %v; want nothing", got, err)
	}
}
