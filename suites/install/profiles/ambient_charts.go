package profiles

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
)

var _ = Checks.Add(ambientCharts)

// ambientCharts asks the API server what it thinks of the profile's objects,
// which needs no image.
func ambientCharts(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "ambient-charts",
		Promise:  "the charts of the ambient profile render, and the API server would take every object of them, each field known",
		Parallel: true,
		SkipIf:   s.WhyNotOurs,
		Run: func(ctx context.Context, t *check.T) {
			releases, err := s.ReleasesOf(stack.ProfileAmbient)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			var rendered []*unstructured.Unstructured
			for _, r := range releases {
				t.Diagnose("a chart does not render with the ambient profile", "the message names template and value", "https://istio.io/latest/docs/ambient/install/helm/")
				manifest, err := charts.Render(ctx, r, s.Cell.Kubernetes)
				t.Expect(err).NotTo(gomega.HaveOccurred())
				objects, err := kube.Decode(strings.NewReader(manifest))
				t.Expect(err).NotTo(gomega.HaveOccurred(), "manifest of release %s", r)
				t.Expect(kube.Place(s.Client, r.Namespace, objects)).To(gomega.Succeed(), "manifest of release %s", r)
				t.Diagnose("the API server would refuse an object of the ambient profile",
					"the message names both; compare the versions with Istio's support table", "https://istio.io/latest/docs/releases/supported-releases/")
				for _, object := range objects {
					// Beside the objects of the profile that is installed, not in their place.
					object.SetName(object.GetName() + suffixFor(object))
					withoutNodePorts(object)
					err := s.Client.Create(ctx, object.DeepCopy(), client.DryRunAll, client.FieldValidation("Strict"))
					if object.GetKind() == "CustomResourceDefinition" {
						err = client.IgnoreAlreadyExists(err)
					}
					t.Expect(err).NotTo(gomega.HaveOccurred(), "release %s: %s", r, kube.Name(object))
				}
				rendered = append(rendered, objects...)
			}
			t.Diagnose("the ambient profile does not set what it is for", "helm template with profile=ambient", "https://istio.io/latest/docs/ambient/install/helm/")
			mustBeAmbient(t, rendered, s.Revised("istiod"))
			t.Observe("%d objects of %d charts", len(rendered), len(releases))
		},
	}
}

// withoutNodePorts takes the fixed node ports from a Service: the installed one
// holds them.
func withoutNodePorts(object *unstructured.Unstructured) {
	if object.GetKind() != "Service" {
		return
	}
	ports, _, _ := unstructured.NestedSlice(object.Object, "spec", "ports")
	for _, port := range ports {
		if fields, ok := port.(map[string]any); ok {
			delete(fields, "nodePort")
		}
	}
	if len(ports) > 0 {
		object.Object["spec"].(map[string]any)["ports"] = ports
	}
}

// suffixFor gives an object another name, but for a CRD, whose name is fixed.
func suffixFor(object *unstructured.Unstructured) string {
	if object.GetKind() == "CustomResourceDefinition" {
		return ""
	}
	return "-dry-run"
}

// mustBeAmbient asserts what makes the profile: ztunnel on every node, the plugin
// and istiod told of it.
func mustBeAmbient(t *check.T, objects []*unstructured.Unstructured, istiod string) {
	t.Helper()
	found := map[string]*unstructured.Unstructured{}
	for _, object := range objects {
		found[object.GetKind()+" "+strings.TrimSuffix(object.GetName(), "-dry-run")] = object
	}
	istiod = "Deployment " + istiod
	t.Expect(slices.Collect(maps.Keys(found))).To(gomega.ContainElements("DaemonSet ztunnel", "ConfigMap istio-cni-config", istiod), "objects of the profile")
	enabled, _, _ := unstructured.NestedString(found["ConfigMap istio-cni-config"].Object, "data", "AMBIENT_ENABLED")
	t.Expect(enabled).To(gomega.Equal("true"), "AMBIENT_ENABLED of ConfigMap istio-cni-config")
	containers, _, _ := unstructured.NestedSlice(found[istiod].Object, "spec", "template", "spec", "containers")
	t.Expect(containers).NotTo(gomega.BeEmpty())
	t.Expect(containers[0]).To(gomega.HaveKeyWithValue("env", gomega.ContainElement(gomega.And(
		gomega.HaveKeyWithValue("name", "PILOT_ENABLE_AMBIENT"), gomega.HaveKeyWithValue("value", "true")))), "environment of istiod")
}
