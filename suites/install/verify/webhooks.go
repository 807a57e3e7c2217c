package verify

import (
	"context"

	"github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// hook is one webhook of a configuration, of either kind.
type hook struct {
	name   string
	policy admissionv1.FailurePolicyType
	client admissionv1.WebhookClientConfig
}

var _ = Checks.Add(webhooks)

// webhooks checks what istiod must have done to its webhooks since it serves.
func webhooks(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "webhooks",
		Promise:  "every webhook of Istio trusts istiod's own root, and refuses what it cannot judge",
		Parallel: true,
		Run: func(ctx context.Context, t *check.T) {
			roots := kit.MeshRoots(ctx, t, s, stack.SystemNamespace)
			t.Diagnose("Istio has no webhook",
				"helm upgrade istio-base and istiod of this version", "https://istio.io/latest/docs/setup/install/helm/")
			found, err := hooks(ctx, s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(found).NotTo(gomega.BeEmpty())
			for _, name := range names(found) {
				t.Diagnose("a webhook does not trust the mesh's root, by which istiod's certificate is issued",
					"istiod writes caBundle when it serves: look for webhook controller errors in its log, and for who else writes the field (kubectl get --show-managed-fields)",
					"https://istio.io/latest/docs/ops/common-problems/validation/#x509-certificate-errors")
				t.Eventually(ctx, func() (bool, error) {
					h, err := get(ctx, s, name)
					return h.client.URL != nil || kit.SameCertificates(h.client.CABundle, []byte(roots.PEM)), err
				}).Should(gomega.BeTrue(), "caBundle of webhook %s is the root of ConfigMap istio-ca-root-cert", name)
				t.Diagnose("a webhook still lets everything in that istiod cannot judge",
					"look for webhook controller errors in istiod's log; it changes failurePolicy from Ignore to Fail by itself",
					"https://istio.io/latest/docs/ops/common-problems/validation/")
				t.Eventually(ctx, func() (admissionv1.FailurePolicyType, error) {
					h, err := get(ctx, s, name)
					return h.policy, err
				}).Should(gomega.Equal(admissionv1.Fail), "failurePolicy of webhook %s", name)
			}
			t.Observe("webhooks %v", names(found))
		},
	}
}

func names(hooks []hook) []string {
	var all []string
	for _, h := range hooks {
		all = append(all, h.name)
	}
	return all
}

func get(ctx context.Context, s *stack.Stack, name string) (hook, error) {
	all, err := hooks(ctx, s)
	for _, h := range all {
		if h.name == name {
			return h, err
		}
	}
	return hook{name: name}, err
}

// hooks returns Istio's webhooks as "<configuration>/<webhook>". Revision tags
// have the same label.
func hooks(ctx context.Context, s *stack.Stack) ([]hook, error) {
	var all []hook
	var validating admissionv1.ValidatingWebhookConfigurationList
	if err := s.Client.List(ctx, &validating, client.HasLabels{"istio.io/rev"}); err != nil {
		return nil, err
	}
	for i := range validating.Items {
		for _, w := range validating.Items[i].Webhooks {
			all = append(all, hook{validating.Items[i].Name + "/" + w.Name, ptr.Deref(w.FailurePolicy, admissionv1.Fail), w.ClientConfig})
		}
	}
	var mutating admissionv1.MutatingWebhookConfigurationList
	if err := s.Client.List(ctx, &mutating, client.HasLabels{"istio.io/rev"}); err != nil {
		return nil, err
	}
	for i := range mutating.Items {
		for _, w := range mutating.Items[i].Webhooks {
			all = append(all, hook{mutating.Items[i].Name + "/" + w.Name, ptr.Deref(w.FailurePolicy, admissionv1.Fail), w.ClientConfig})
		}
	}
	return all, nil
}
