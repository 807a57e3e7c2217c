package helm

import (
	"context"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/stack"
)

// marker is an annotation that the upgrade adds to the gateway's Service.
const marker = "conformance.test/revision"

var _ = Checks.AddAt(2, rollback)

// rollback changes the gateway's Service by an upgrade, and takes that back.
func rollback(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "rollback",
		Promise: "helm rollback gives back the manifest of the revision before, in the release and in the cluster, and changes no pod that the upgrade did not",
		Timeout: 4 * time.Minute,
		SkipIf:  s.WhyNotOurs,
		Run: func(ctx context.Context, t *check.T) {
			gateway := *s.GatewayRelease()
			old, err := s.Helm.Get(ctx, gateway.Namespace, gateway.Name)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			before, err := pods(ctx, s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			changed := gateway
			changed.Values = charts.Values(gateway.Values, map[string]any{"service": map[string]any{"annotations": map[string]any{marker: "next"}}})
			rolledBack := false
			t.Cleanup(func() {
				if rolledBack {
					return
				}
				if _, err := s.Helm.Upgrade(context.WithoutCancel(ctx), gateway); err != nil {
					t.Errorf("give release %s its values back: %v", gateway, err)
				}
			})
			t.Diagnose("the gateway's Service does not follow an upgrade", "the message says why", "https://istio.io/latest/docs/setup/additional-setup/gateway/")
			_, err = s.Helm.Upgrade(ctx, changed)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(annotation(ctx, s)).To(gomega.Equal("next"), "annotation %s of the gateway's Service after the upgrade", marker)
			t.Diagnose("helm rollback does not give back what was there before", "compare helm get manifest --revision of the revisions; somebody else may own the fields",
				"https://helm.sh/docs/helm/helm_rollback/")
			t.Expect(s.Helm.Rollback(ctx, gateway.Namespace, gateway.Name, old.Version, time.Minute)).To(gomega.Succeed())
			rolledBack = true
			now, err := s.Helm.Get(ctx, gateway.Namespace, gateway.Name)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(now.Version).To(gomega.Equal(old.Version+2), "revision after upgrade and rollback")
			t.Expect(now.Manifest).To(gomega.Equal(old.Manifest), "manifest of revision %d and of %d", old.Version, now.Version)
			t.Expect(annotation(ctx, s)).To(gomega.BeEmpty(), "annotation %s of the gateway's Service after the rollback", marker)
			after, err := pods(ctx, s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(after).To(gomega.Equal(before), "pods")
			t.Observe("release %s: revision %d is revision %d again", gateway, now.Version, old.Version)
		},
	}
}

func annotation(ctx context.Context, s *stack.Stack) (string, error) {
	service := &corev1.Service{}
	err := s.Client.Get(ctx, client.ObjectKey{Namespace: s.Gateway.Namespace, Name: s.Gateway.Release}, service)
	return service.Annotations[marker], err
}
