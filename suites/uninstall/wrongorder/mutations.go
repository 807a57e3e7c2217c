package wrongorder

import (
	"context"
	"path"
	"strings"

	"github.com/onsi/gomega"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "crds-owned-by-nobody", Promise: "CRDs that any release may take over are noticed",
			Break: disown, Plays: "uninstall/install-over-leftovers",
			Fails: map[string]string{"uninstall/install-over-leftovers": "two releases may own the CRDs in turn"},
		},
		{
			Name: "crds-in-the-istiod-chart", Promise: "an istiod that brings the kinds which base is for is noticed",
			Break: bundleCRDs, Plays: "uninstall/istiod-before-base",
			Fails: map[string]string{"uninstall/istiod-before-base": "Istio's kinds are known although chart base is not installed"},
		},
		{
			Name: "another-injector-stays", Promise: "an injector that starts a gateway without istiod is noticed",
			Break: leaveRevision, Plays: "uninstall/gateway-before-istiod",
			Fails: map[string]string{"uninstall/gateway-before-istiod": "a gateway starts although there is no istiod"},
		},
	}
}

// disown gives the CRDs the marks of the release that the check tries, so that
// Helm takes them for its own.
func disown(ctx context.Context, t *check.T, s *stack.Stack) {
	mutation.MendInstallation(ctx, t, s)
	mutation.Mend(ctx, t, func(ctx context.Context) { set(ctx, t, s, s.Releases[0].Name) })
	set(ctx, t, s, "another-base")
}

func set(ctx context.Context, t *check.T, s *stack.Stack, owner string) {
	crds, err := istioCRDs(ctx, s)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(crds).NotTo(gomega.BeEmpty())
	for _, crd := range crds {
		patch := []byte(`{"metadata":{"annotations":{"meta.helm.sh/release-name":"` + owner + `"}}}`)
		_, err := s.Cluster.APIExtensions.ApiextensionsV1().CustomResourceDefinitions().Patch(ctx, crd.Name, types.MergePatchType, patch, metav1.PatchOptions{})
		t.Expect(err).NotTo(gomega.HaveOccurred(), "CRD %s", crd.Name)
	}
}

// bundleCRDs puts base's CRDs into chart istiod, as an umbrella chart has them.
// Helm never deletes CRDs of that kind, and base would not own them.
func bundleCRDs(ctx context.Context, t *check.T, s *stack.Stack) {
	mutation.MendInstallation(ctx, t, s)
	mutation.Mend(ctx, t, func(ctx context.Context) { removeCRDs(ctx, t, s) })
	base, err := loader.Load(s.Images.Charts["base"])
	t.Expect(err).NotTo(gomega.HaveOccurred())
	own := s.Images.Charts["istiod"]
	t.Cleanup(func() { s.Images.Charts["istiod"] = own })
	s.Images.Charts["istiod"] = mutation.ChangeChart(t, own, func(c *chart.Chart) {
		for _, file := range base.Files {
			if name := path.Base(file.Name); strings.HasPrefix(name, "crd-") {
				c.Files = append(c.Files, &chart.File{Name: "crds/" + name, Data: file.Data})
			}
		}
	})
}

// leaveRevision installs an istiod of another revision that injects where no
// revision is asked for, too; it is no release of the run, and outlives the uninstall.
func leaveRevision(ctx context.Context, t *check.T, s *stack.Stack) {
	mutation.MendInstallation(ctx, t, s)
	other := planned(t, s, "istiod")
	other.Name = "istiod-other"
	other.Values = charts.Values(other.Values, map[string]any{"revision": "other", "revisionTags": []any{"default"}})
	mutation.Mend(ctx, t, func(ctx context.Context) {
		t.Expect(s.Helm.Uninstall(ctx, other.Namespace, other.Name, undoTimeout)).To(gomega.Succeed())
	})
	_, err := s.Helm.Install(ctx, other)
	t.Expect(err).NotTo(gomega.HaveOccurred())
}
