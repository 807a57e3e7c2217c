package order

import (
	"context"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

var _ = Checks.Add(namespace)

// namespace checks the labels of the control plane's namespace.
func namespace(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "namespace",
		Parallel: true,
		Promise:  "namespace istio-system has the operator's labels and is not itself enrolled for injection",
		Run: func(ctx context.Context, t *check.T) {
			ns := &corev1.Namespace{}
			t.Expect(s.Client.Get(ctx, client.ObjectKey{Name: stack.SystemNamespace}, ns)).To(gomega.Succeed())
			t.Diagnose("namespace istio-system lacks a label that operators give it", "kubectl label namespace istio-system istio-operator-managed=Reconcile",
				"https://istio.io/latest/docs/setup/install/helm/")
			for label, value := range stack.SystemLabels() {
				if s.Existing() {
					break // Its operator may have other ones.
				}
				t.Expect(ns.Labels).To(gomega.HaveKeyWithValue(label, value))
			}
			t.Expect(ns.Labels).To(gomega.HaveKeyWithValue(corev1.LabelMetadataName, stack.SystemNamespace))
			t.Diagnose("namespace istio-system has a label by which pods of the control plane get sidecars, which need the control plane to start",
				"kubectl label namespace istio-system istio-injection- istio.io/rev-",
				"https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/")
			for _, label := range []string{"istio-injection", "istio.io/rev"} {
				t.Expect(ns.Labels).NotTo(gomega.HaveKey(label))
			}
		},
	}
}
