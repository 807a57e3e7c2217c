package wrongorder

import (
	"context"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// undoTimeout bounds the removal of a release that was tried.
const undoTimeout = 2 * time.Minute

// First: it needs the CRDs that the uninstall left.
var _ = Checks.AddAt(1, overLeftovers)

// overLeftovers installs base under another release's name over the CRDs that
// the uninstalled one left.
func overLeftovers(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "install-over-leftovers",
		Promise: "base under another release name is refused over the CRDs that an older release left, and the refusal names the release that owns them",
		Timeout: 4 * time.Minute,
		Run: func(ctx context.Context, t *check.T) {
			base := planned(t, s, "base")
			other := base
			other.Name = "another-base"
			crds, err := istioCRDs(ctx, s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Diagnose("the uninstalled base left no CRDs: all custom resources of Istio's are lost with them",
				"the charts keep CRDs by the annotation helm.sh/resource-policy: keep; look who deleted them", "https://istio.io/latest/docs/setup/install/helm/#uninstall")
			t.Expect(crds).NotTo(gomega.BeEmpty(), "CRDs of Istio after the uninstall")
			undo(ctx, t, s, other)
			t.Diagnose("two releases may own the CRDs in turn: an upgrade of one changes what the other installed, without an error",
				"every CRD must have the annotation meta.helm.sh/release-name: kubectl get crd -o yaml", "https://istio.io/latest/docs/setup/upgrade/helm/")
			_, err = s.Helm.Install(ctx, other)
			t.Expect(err).To(gomega.MatchError(gomega.And(
				gomega.ContainSubstring("invalid ownership metadata"), gomega.ContainSubstring(base.Name), gomega.ContainSubstring("CustomResourceDefinition"))),
				"install chart base as release %s", other)
			t.Observe("refused: %.300s", err)
		},
	}
}
