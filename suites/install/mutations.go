package install

import (
	"context"

	"github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the suite checks.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "release-record-lost", Promise: "a release that Helm does not know is noticed",
			Break: loseReleaseRecord, Plays: "install/releases",
			Fails: map[string]string{"install/releases": "not found"},
		},
		{
			Name: "system-namespace-injected", Promise: "a control plane namespace that is enrolled for injection is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				mutation.Label(ctx, t, s, stack.SystemNamespace, "istio-injection", "enabled")
			},
			Plays: "install", Fails: map[string]string{"install/namespace": "istio-injection"},
		},
		{
			Name: "system-namespace-unlabelled", Promise: "a missing operator's label is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				mutation.Label(ctx, t, s, stack.SystemNamespace, "istio-operator-managed", "")
			},
			Plays: "install", Fails: map[string]string{"install/namespace": "istio-operator-managed"},
		},
		{
			Name: "crd-version-not-served", Promise: "a CRD that stopped serving a version of its chart and of the notes is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				stopServing(ctx, t, s, "telemetries.telemetry.istio.io", "v1alpha1")
			},
			Plays: "install",
			Fails: map[string]string{"install/crds": "telemetries.telemetry.istio.io", "install/noted-crds": "telemetry.istio.io/v1alpha1"},
		},
		{
			Name: "istiod-down", Promise: "an istiod without a pod is noticed by all that need it",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				mutation.Scale(ctx, t, s, stack.SystemNamespace, "istiod", 0)
			},
			Plays: "install",
			Fails: map[string]string{
				"install/istiod-available": "istiod", "install/xds": "no istiod pod is ready", "install/validation": "validation.istio.io",
			},
		},
		{
			Name: "validation-webhooks-gone", Promise: "an invalid resource that nobody refuses is noticed",
			Break: removeValidation, Plays: "install",
			Fails: map[string]string{"install/validation": "negative weight"},
		},
		{
			Name: "configuration-refused-by-the-proxy", Promise: "a gateway that refuses istiod's configuration is noticed",
			Break: refuseConfiguration, Plays: "install", Fails: map[string]string{"install/xds": "did not accept istiod's configuration"},
		},
	}
}

// refuseConfiguration sends the gateway a listener that its Envoy does not take.
func refuseConfiguration(ctx context.Context, t *check.T, s *stack.Stack) {
	rejected := func() (string, error) { return s.GatewayAdmin(ctx, "stats?filter=lds.update_rejected") }
	before, err := rejected()
	t.Expect(err).NotTo(gomega.HaveOccurred())
	mutation.ApplyFixture(ctx, t, s, "refused-config", nil)
	t.Eventually(ctx, rejected).ShouldNot(gomega.Equal(before), "listeners that the gateway refused")
}

// loseReleaseRecord deletes the Secret in which Helm keeps istiod's release.
func loseReleaseRecord(ctx context.Context, t *check.T, s *stack.Stack) {
	var list corev1.SecretList
	t.Expect(s.Client.List(ctx, &list, client.InNamespace(stack.SystemNamespace), client.MatchingLabels{"owner": "helm", "name": "istiod"})).To(gomega.Succeed())
	t.Expect(list.Items).NotTo(gomega.BeEmpty())
	for i := range list.Items {
		mutation.Remove(ctx, t, s, &list.Items[i])
	}
}

// removeValidation deletes every validating webhook of Istio.
func removeValidation(ctx context.Context, t *check.T, s *stack.Stack) {
	var list admissionv1.ValidatingWebhookConfigurationList
	t.Expect(s.Client.List(ctx, &list, client.HasLabels{"istio.io/rev"})).To(gomega.Succeed())
	t.Expect(list.Items).NotTo(gomega.BeEmpty())
	for i := range list.Items {
		mutation.Remove(ctx, t, s, &list.Items[i])
	}
}

// stopServing makes a CRD stop serving one of its versions.
func stopServing(ctx context.Context, t *check.T, s *stack.Stack, name, version string) {
	set := func(ctx context.Context, served bool) error {
		crds := s.Cluster.APIExtensions.ApiextensionsV1().CustomResourceDefinitions()
		crd, err := crds.Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		for i := range crd.Spec.Versions {
			if crd.Spec.Versions[i].Name == version {
				crd.Spec.Versions[i].Served = served
			}
		}
		_, err = crds.Update(ctx, crd, metav1.UpdateOptions{})
		return err
	}
	t.Expect(set(ctx, false)).To(gomega.Succeed())
	discovered := func(ctx context.Context) (bool, error) {
		group := apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if err := s.Client.Get(ctx, client.ObjectKeyFromObject(&group), &group); err != nil {
			return false, err
		}
		_, err := s.Cluster.Kube.Discovery().ServerResourcesForGroupVersion(group.Spec.Group + "/" + version)
		return err == nil, client.IgnoreNotFound(err)
	}
	mutation.Mend(ctx, t, func(ctx context.Context) {
		t.Expect(set(ctx, true)).To(gomega.Succeed())
		t.Eventually(ctx, discovered).WithArguments(ctx).Should(gomega.BeTrue(), "%s at %s after the mutation", name, version)
	})
	t.Eventually(ctx, discovered).WithArguments(ctx).Should(gomega.BeFalse(), "%s at %s", name, version)
}
