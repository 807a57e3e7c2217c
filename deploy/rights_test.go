package deploy

import (
	"slices"
	"strings"
	"testing"

	"github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"

	"istio-conformance/internal/evidence"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/rehearse/capture"
)

// allows reports whether a rule gives the right.
func allows(all []rbacv1.PolicyRule, verb, group, resource string) bool {
	return slices.ContainsFunc(all, func(r rbacv1.PolicyRule) bool {
		return slices.Contains(r.Verbs, verb) && slices.Contains(r.APIGroups, group) &&
			(slices.Contains(r.Resources, resource) || slices.Contains(r.Resources, "*"))
	})
}

// What is collected when a check fails must be readable with the least rights.
func TestTheEvidenceCanBeRead(t *testing.T) {
	reading := rules(t, RBAC("n", "a", false))
	for _, kind := range evidence.Kinds() {
		resource, group, _ := strings.Cut(kind, ".")
		gomega.NewWithT(t).Expect(allows(reading, "list", group, resource)).To(gomega.BeTrue(), "list %s", kind)
	}
}

// What a mesh is captured from must be readable with the least rights.
func TestAMeshCanBeCaptured(t *testing.T) {
	reading := rules(t, RBAC("n", "a", false))
	for _, kind := range capture.Core {
		resource, group, _ := strings.Cut(kind, ".")
		gomega.NewWithT(t).Expect(allows(reading, "list", group, resource)).To(gomega.BeTrue(), "list %s", kind)
	}
	for _, resource := range []string{"gatewayclasses", "gateways", "httproutes", "grpcroutes", "tlsroutes", "tcproutes", "udproutes", "referencegrants"} {
		gomega.NewWithT(t).Expect(allows(reading, "list", "gateway.networking.k8s.io", resource)).To(gomega.BeTrue(), "list %s", resource)
	}
}

// Objects of every kind are created with dry run, which needs the right to create.
func TestSamplesCanBeCreatedWithWrite(t *testing.T) {
	samples, err := istio.Samples()
	gomega.NewWithT(t).Expect(err).NotTo(gomega.HaveOccurred())
	writing := rules(t, RBAC("n", "a", true))
	for _, sample := range samples {
		gomega.NewWithT(t).Expect(allows(writing, "create", sample.Group, strings.ToLower(sample.Kind)+"s")).To(gomega.BeTrue(), "create %s of %s", sample.Kind, sample.Group)
	}
}
