package mutation

import (
	"context"
	"time"

	"github.com/onsi/gomega"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/stack"
)

// installTimeout bounds an installation that mends a mutation, on a busy machine too.
const installTimeout = 6 * time.Minute

// MendInstallation installs in the end what the played checks uninstall, and
// leaves what is there as it is.
func MendInstallation(ctx context.Context, t *check.T, s *stack.Stack) {
	t.CleanupWithin(ctx, installTimeout, func(ctx context.Context) {
		t.Expect(s.Install(ctx)).To(gomega.Succeed(), "install Istio again")
	})
}

// ChangeChart packs a changed copy of a chart and returns its path; the copy goes
// away in the end.
func ChangeChart(t *check.T, path string, change func(*chart.Chart)) string {
	t.Helper()
	changed, err := loader.Load(path)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	change(changed)
	packed, err := chartutil.Save(changed, t.TempDir())
	t.Expect(err).NotTo(gomega.HaveOccurred())
	return packed
}

// Upgrade upgrades a release to a changed copy of its chart, and gives it its own
// chart back in the end.
func Upgrade(ctx context.Context, t *check.T, s *stack.Stack, r charts.Release, change func(*chart.Chart)) {
	t.Helper()
	other := r
	other.Chart = ChangeChart(t, r.Chart, change)
	Mend(ctx, t, func(ctx context.Context) {
		_, err := s.Helm.Upgrade(ctx, r)
		t.Expect(err).NotTo(gomega.HaveOccurred(), "give release %s its chart back", r)
	})
	_, err := s.Helm.Upgrade(ctx, other)
	t.Expect(err).NotTo(gomega.HaveOccurred(), "Helm itself has nothing against it")
}
