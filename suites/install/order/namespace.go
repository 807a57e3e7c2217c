package order

import (
	"context"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// namespace checks the labels of the control plane's namespace.
func namespace(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "namespace",
		Parallel: true,
		Promise:  "namespace istio-system has the operator's labels and is not itself enrolled for injection",
		SkipIf:   s.WhyNotOurs,
		Run: func(ctx context.Context, t *check.T) {
			ns := &corev1.Namespace{}
			t.Expect(s.Client.Get(ctx, client.ObjectKey{Name: stack.SystemNamespace}, ns)).To(gomega.Succeed())
			t.Diagnose("namespace istio-system lacks a label or has one that makes istiod inject into itself",
				"kubectl label namespace istio-system istio-operator-managed=Reconcile istio-injection-",
				"https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/")
			for label, value := range stack.SystemLabels() {
				t.Expect(ns.Labels).To(gomega.HaveKeyWithValue(label, value))
			}
			t.Expect(ns.Labels).To(gomega.HaveKeyWithValue(corev1.LabelMetadataName, stack.SystemNamespace))
			t.Expect(ns.Labels).NotTo(gomega.HaveKey("istio-injection"))
		},
	}
}
