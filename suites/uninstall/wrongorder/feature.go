// Package wrongorder tries the orders in which the charts must not be installed,
// in a cluster from which Istio was just removed, and sees each fail.
package wrongorder

import (
	"context"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// Checks are the checks of this feature, each of which begins where the one before ended.
var Checks kit.Checks

// planned returns the release of a chart as the run installs it.
func planned(t *check.T, s *stack.Stack, chart string) charts.Release {
	t.Helper()
	releases, err := s.ReleasesOf(s.Profile())
	t.Expect(err).NotTo(gomega.HaveOccurred())
	for _, r := range releases {
		if r.Chart == s.Images.Charts[chart] {
			return r
		}
	}
	t.Fatalf("chart %s is not among the releases %v", chart, releases)
	return charts.Release{}
}

// undo uninstalls what a check tried when the check ends.
func undo(ctx context.Context, t *check.T, s *stack.Stack, r charts.Release) {
	t.Cleanup(func() {
		if err := s.Helm.Uninstall(context.WithoutCancel(ctx), r.Namespace, r.Name, undoTimeout); err != nil {
			t.Errorf("remove what was tried: %v", err)
		}
	})
}
