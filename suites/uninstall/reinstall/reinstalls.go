package reinstall

import (
	"context"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// rootSecret holds the root that istiod makes for itself, and its key.
const rootSecret = "istio-ca-secret"

var _ = Checks.Add(reinstalls)

// reinstalls installs the charts in their order once more and sends a request.
func reinstalls(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "reinstall",
		Promise: "the charts install again in order over what an uninstall left, with the same root certificate, and the gateway serves",
		Timeout: 6 * time.Minute,
		Run: func(ctx context.Context, t *check.T) {
			// What workloads go on to trust; the uninstall leaves it.
			trusted := kit.MeshRoots(ctx, t, s, s.Gateway.Namespace)
			t.Diagnose("Istio cannot be installed where it was before",
				"the message names it; \"invalid ownership metadata\" is an object of another release, \"failed calling webhook\" a webhook without its istiod",
				"https://istio.io/latest/docs/setup/install/helm/#uninstall")
			started := time.Now()
			t.Expect(s.Install(ctx)).To(gomega.Succeed())
			took := time.Since(started)
			for _, r := range s.Releases {
				found, err := s.Helm.Get(ctx, r.Namespace, r.Name)
				t.Expect(err).NotTo(gomega.HaveOccurred())
				t.Expect(string(found.Info.Status)).To(gomega.Equal("deployed"), "release %s", r)
				t.Expect(found.Version).To(gomega.Equal(1), "revision of release %s", r)
			}
			t.Diagnose("a new installation has another root than the old one: workloads that are still running trust the old one",
				"restart every workload with a sidecar; keep Secret istio-ca-secret, or bring your own CA in Secret cacerts",
				"https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/")
			secret := &corev1.Secret{}
			t.Expect(s.Client.Get(ctx, client.ObjectKey{Namespace: stack.SystemNamespace, Name: rootSecret}, secret)).To(gomega.Succeed())
			t.Expect(kit.SameCertificates(secret.Data["ca-cert.pem"], []byte(trusted.PEM))).To(gomega.BeTrue(),
				"ca-cert.pem of Secret %s is the root that ConfigMap istio-ca-root-cert gave to workloads before", rootSecret)
			kit.MustJudge(ctx, t, s)
			c := kit.NewScratch(ctx, t, s, "reinstalled")
			c.Apply(ctx, t, "answer", map[string]string{"Body": c.Name})
			c.MustBeServed(ctx, t)
			t.Observe("%d releases installed in %s", len(s.Releases), took.Round(100*time.Millisecond))
		},
	}
}
