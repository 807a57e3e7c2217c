package telemetry

import (
	"context"
	"strings"

	"github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "traces-to-nowhere", Promise: "proxies that send their spans where nobody receives them are noticed",
			Break: mesh("port: 4317", "port: 4318"), Plays: "ingress/trace,ingress/gateway-metrics",
			Fails: map[string]string{"ingress/trace": "spans do not arrive"},
		},
		{
			Name: "access-log-without-request-id", Promise: "an access log that lacks a field is noticed",
			Break: mesh("%REQ(X-REQUEST-ID)%", "-"), Plays: "ingress/access-log-json-and-text,ingress/gateway-metrics",
			Fails: map[string]string{"ingress/access-log-json-and-text": "does not have the formats"},
		},
		{
			Name: "validated-twice", Promise: "a webhook that an upgrade left behind, so that istiod judges everything twice, is noticed",
			Break: doubleValidation, Plays: "ingress/istiod-metrics,ingress/gateway-metrics",
			Fails: map[string]string{"ingress/istiod-metrics": "do not count each resource once"},
		},
	}
}

// mesh replaces words of the mesh's configuration, which istiod follows at once.
func mesh(old, replacement string) func(context.Context, *check.T, *stack.Stack) {
	return func(ctx context.Context, t *check.T, s *stack.Stack) {
		set := func(ctx context.Context, change func(string) string) (before string) {
			config := &corev1.ConfigMap{}
			t.Expect(s.Client.Get(ctx, clientKey(stack.SystemNamespace, "istio"), config)).To(gomega.Succeed())
			before = config.Data["mesh"]
			config.Data["mesh"] = change(before)
			t.Expect(s.Client.Update(ctx, config)).To(gomega.Succeed())
			return before
		}
		before := set(ctx, func(text string) string {
			t.Expect(text).To(gomega.ContainSubstring(old), "meshConfig")
			return strings.ReplaceAll(text, old, replacement)
		})
		mutation.Mend(ctx, t, func(ctx context.Context) { set(ctx, func(string) string { return before }) })
	}
}

// doubleValidation copies the configurations by which the API server asks istiod.
func doubleValidation(ctx context.Context, t *check.T, s *stack.Stack) {
	var all admissionv1.ValidatingWebhookConfigurationList
	t.Expect(s.Client.List(ctx, &all)).To(gomega.Succeed())
	copied := 0
	for i := range all.Items {
		if !strings.HasSuffix(all.Items[i].Webhooks[0].Name, "validation.istio.io") {
			continue
		}
		left := &admissionv1.ValidatingWebhookConfiguration{
			ObjectMeta: metav1.ObjectMeta{Name: all.Items[i].Name + "-left-behind"}, Webhooks: all.Items[i].Webhooks,
		}
		t.Expect(s.Client.Create(ctx, left)).To(gomega.Succeed())
		mutation.Mend(ctx, t, func(ctx context.Context) { t.Expect(s.Client.Delete(ctx, left)).To(gomega.Succeed()) })
		copied++
	}
	t.Expect(copied).To(gomega.BeNumerically(">", 0), "webhooks that judge Istio's resources")
}
