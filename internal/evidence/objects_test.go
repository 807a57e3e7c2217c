package evidence

import (
	"encoding/base64"
	"testing"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

// cleaned returns an object as it is written, in YAML.
func cleaned(t *testing.T, object map[string]any) string {
	t.Helper()
	content, err := yaml.Marshal(clean(&unstructured.Unstructured{Object: object}))
	gomega.NewWithT(t).Expect(err).NotTo(gomega.HaveOccurred())
	return string(content)
}

func TestOfASecretOnlyTheKeysAreKept(t *testing.T) {
	g := gomega.NewWithT(t)
	secret := base64.StdEncoding.EncodeToString([]byte("Pl4nted"))
	text := cleaned(t, map[string]any{
		"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
		"metadata": map[string]any{"name": "shop-cert", "namespace": "shop", "annotations": map[string]any{
			"kubectl.kubernetes.io/last-applied-configuration": `{"data":{"tls.key":"` + secret + `"}}`,
		}},
		"data": map[string]any{"tls.key": secret},
	})
	g.Expect(text).NotTo(gomega.Or(gomega.ContainSubstring(secret), gomega.ContainSubstring("Pl4nted"), gomega.ContainSubstring("last-applied")))
	g.Expect(text).To(gomega.And(gomega.ContainSubstring("tls.key: '<removed: 7 bytes>'"), gomega.ContainSubstring("name: shop-cert")))
}

func TestHelmsSecretsAreLeftOut(t *testing.T) {
	u := &unstructured.Unstructured{Object: map[string]any{"kind": "Secret", "metadata": map[string]any{"name": "sh.helm.release.v1.istiod.v1"}}}
	gomega.NewWithT(t).Expect(clean(u)).To(gomega.BeNil())
}

func TestAnApplicationsEnvironmentIsHiddenAndIstiosIsNot(t *testing.T) {
	g := gomega.NewWithT(t)
	env := func(value string) []any { return []any{map[string]any{"name": "MODE", "value": value}} }
	text := cleaned(t, map[string]any{"kind": "Pod", "metadata": map[string]any{"name": "cart"}, "spec": map[string]any{"containers": []any{
		map[string]any{"name": "app", "env": env("application's own")}, map[string]any{"name": "istio-proxy", "env": env("REDIRECT")},
	}}})
	g.Expect(text).NotTo(gomega.ContainSubstring("application's own"))
	g.Expect(text).To(gomega.ContainSubstring("REDIRECT"))
}

func TestOfConfigMapsOnlyIstiosAreKeptWhole(t *testing.T) {
	g := gomega.NewWithT(t)
	of := func(name string) string {
		return cleaned(t, map[string]any{"kind": "ConfigMap", "metadata": map[string]any{"name": name}, "data": map[string]any{"key": "the content"}})
	}
	g.Expect(of("istio-ca-root-cert")).To(gomega.ContainSubstring("the content"))
	g.Expect(of("shop-settings")).NotTo(gomega.ContainSubstring("the content"))
	g.Expect(of("shop-settings")).To(gomega.ContainSubstring("key"))
}

func TestOfCRDsOnlyThoseOfTheMeshAreKeptWithoutTheirSchemas(t *testing.T) {
	g := gomega.NewWithT(t)
	crd := func(group string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"kind": "CustomResourceDefinition", "metadata": map[string]any{"name": "x." + group},
			"spec": map[string]any{"group": group, "versions": []any{map[string]any{"name": "v1", "schema": map[string]any{"a": "b"}}}}}}
	}
	g.Expect(clean(crd("example.com"))).To(gomega.BeNil())
	kept, err := yaml.Marshal(clean(crd("networking.istio.io")))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(string(kept)).To(gomega.And(gomega.ContainSubstring("name: v1"), gomega.Not(gomega.ContainSubstring("schema"))))
}
