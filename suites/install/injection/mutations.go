package injection

import (
	"context"

	"github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// injectorName is the configuration of the default revision's injector.
const injectorName = "istio-sidecar-injector"

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "injector-gone", Promise: "pods that ask for a sidecar and get none are noticed",
			Break: removeInjector, Plays: "install:injection",
			Fails: map[string]string{
				"install/injection-labels": "a pod that asks for a sidecar gets none", "install/injected-pod": "a pod that asks for a sidecar gets none",
				"install/injection-equals-kube-inject": "a pod that asks for a sidecar gets none",
			},
		},
		{
			Name: "injector-greedy", Promise: "pods that get a sidecar nobody asked for are noticed",
			Break: greedyInjector, Plays: "install/injection-labels",
			Fails: map[string]string{"install/injection-labels": "a pod gets a sidecar that nobody asked for"},
		},
	}
}

func removeInjector(ctx context.Context, t *check.T, s *stack.Stack) {
	config := &admissionv1.MutatingWebhookConfiguration{}
	t.Expect(s.Client.Get(ctx, client.ObjectKey{Name: s.Revised(injectorName)}, config)).To(gomega.Succeed())
	mutation.Remove(ctx, t, s, config)
	namespace, err := s.ScratchNamespace(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Eventually(ctx, func() (bool, error) {
		pod, err := kit.Injected(ctx, s, namespace, s.Asking())
		found, _ := container(pod, proxy)
		return found != nil, err
	}).Should(gomega.BeFalse(), "the API server calls the injector no more")
}

// greedyInjector makes the webhook for labelled namespaces match the others too.
func greedyInjector(ctx context.Context, t *check.T, s *stack.Stack) {
	set := func(ctx context.Context, change func(hook *admissionv1.MutatingWebhook)) {
		config := &admissionv1.MutatingWebhookConfiguration{}
		t.Expect(s.Client.Get(ctx, client.ObjectKey{Name: s.Revised(injectorName)}, config)).To(gomega.Succeed())
		name := "namespace.sidecar-injector.istio.io"
		if !s.HasDefault() {
			name = "rev." + name
		}
		for i := range config.Webhooks {
			if config.Webhooks[i].Name == name {
				change(&config.Webhooks[i])
			}
		}
		t.Expect(s.Client.Update(ctx, config)).To(gomega.Succeed())
	}
	var old *metav1.LabelSelector
	mutation.Mend(ctx, t, func(ctx context.Context) {
		set(ctx, func(hook *admissionv1.MutatingWebhook) { hook.NamespaceSelector = old })
	})
	set(ctx, func(hook *admissionv1.MutatingWebhook) {
		old = hook.NamespaceSelector
		hook.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"istio-conformance": "true"}}
	})
}
