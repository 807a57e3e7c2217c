package telemetry

import (
	"context"
	"fmt"
	"strings"

	"github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
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
			Fails: map[string]string{"ingress/access-log-json-and-text": otherLog},
		},
		{
			Name: "statistics-renamed", Promise: "a mesh that calls the gateway's statistics otherwise, so that they are dropped, is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				kit.EditMesh(ctx, t, s, "\noutboundClusterStatName: \"%SERVICE%\"\n")
			},
			Plays: "ingress/gateway-metrics,ingress/istiod-metrics,ingress/access-log-json-and-text", Fails: map[string]string{
				"ingress/gateway-metrics": "do not count what was sent", "ingress/access-log-json-and-text": otherLog, // which calls the cluster so too
			},
		},
		{
			Name: "metrics-blocked", Promise: "a gateway whose metrics nobody can read is noticed",
			Break: blockMetrics, Plays: "ingress/gateway-metrics,ingress/istiod-metrics,ingress/access-log-json-and-text",
			Fails: map[string]string{"ingress/gateway-metrics": "could not look at what it is about: metrics of pod"},
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

// blockMetrics refuses what comes to the port of Envoy's metrics, in the network of the
// gateway's pod.
func blockMetrics(ctx context.Context, t *check.T, s *stack.Stack) {
	pod, err := s.GatewayPod(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	change := func(ctx context.Context, do string) {
		_, err := s.Cluster.PodNetns(ctx, pod.Namespace, pod.Name, fmt.Sprintf("iptables -w %s INPUT -p tcp --dport %d -j REJECT --reject-with tcp-reset", do, proxyPort))
		t.Expect(err).NotTo(gomega.HaveOccurred())
	}
	change(ctx, "-I")
	mutation.Mend(ctx, t, func(ctx context.Context) { change(ctx, "-D") })
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

// otherLog is how the check names the cause of an entry that differs.
const otherLog = "does not say what the client and the backend saw"
