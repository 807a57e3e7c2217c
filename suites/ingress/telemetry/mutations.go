package telemetry

import (
	"context"
	"strings"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

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
