package order

import (
	"context"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// First: all others look at what the releases installed.
var _ = Checks.AddAt(-1, releases)

// releases is the gate of everything that needs Istio.
func releases(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "releases",
		SkipIf:  s.WithRecord("base", "istiod", "gateway"),
		Promise: "the charts install in order (base, istiod, gateway) and each release is deployed at its chart's version",
		Gate:    true,
		Timeout: time.Minute,
		Run: func(ctx context.Context, t *check.T) {
			t.Diagnose("a chart did not install, or what it deploys did not become ready",
				"look at the message, and at the pods, events and logs in the evidence", "https://istio.io/latest/docs/setup/install/helm/")
			t.Expect(s.InstallError).NotTo(gomega.HaveOccurred())
			t.Expect(s.Releases).NotTo(gomega.BeEmpty(), "nothing was to be installed")
			for _, want := range s.Releases {
				t.Diagnose("Helm does not know a release, or does not call it deployed",
					"helm list --all --all-namespaces; Helm keeps releases in Secrets of type helm.sh/release.v1 in their namespaces",
					"https://helm.sh/docs/topics/advanced/#storage-backends")
				got, err := s.Helm.Get(ctx, want.Namespace, want.Name)
				t.Expect(err).NotTo(gomega.HaveOccurred())
				t.Expect(string(got.Info.Status)).To(gomega.Equal("deployed"), "release %s", want.Name)
				t.Diagnose("a release is of another version than the others",
					"upgrade them all, base first: helm upgrade "+want.Name+" --version "+s.Cell.Istio,
					"https://istio.io/latest/docs/setup/upgrade/helm/")
				t.Expect(got.Chart.Metadata.Version).To(gomega.Equal(s.Cell.Istio), "chart version of release %s", want.Name)
				t.Observe("%s: chart %s %s, revision %d", want.Name, got.Chart.Metadata.Name, got.Chart.Metadata.Version, got.Version)
			}
		},
	}
}
