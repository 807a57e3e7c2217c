package deploy

import (
	"os"
	"strings"
	"testing"

	"github.com/onsi/gomega"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"
)

// render renders the chart with values on top of its own.
func render(t *testing.T, values map[string]any) (map[string]string, error) {
	t.Helper()
	g := gomega.NewWithT(t)
	chart, err := loader.Load("chart")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	all, err := chartutil.ToRenderValues(chart, values, chartutil.ReleaseOptions{Name: "conformance", Namespace: "tests"}, nil)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	return engine.Render(chart, all)
}

// rules are those of the ClusterRole among the documents.
func rules(t *testing.T, documents string) []rbacv1.PolicyRule {
	t.Helper()
	for document := range strings.SplitSeq(documents, "\n---\n") {
		var role rbacv1.ClusterRole
		gomega.NewWithT(t).Expect(yaml.Unmarshal([]byte(document), &role)).To(gomega.Succeed(), document)
		if role.Kind == "ClusterRole" {
			return role.Rules
		}
	}
	t.Fatal("no ClusterRole")
	return nil
}

func TestTheChartHasTheRightsThatRBACPrints(t *testing.T) {
	for mode, more := range map[string]bool{"read": false, "write": true} {
		files, err := render(t, map[string]any{"mode": mode})
		g := gomega.NewWithT(t)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		got := rules(t, files["istio-conformance/templates/rbac.yaml"])
		g.Expect(got).To(gomega.Equal(rules(t, RBAC("tests", "conformance", more))))
	}
}

func TestReadModeChangesNothing(t *testing.T) {
	for _, rule := range rules(t, RBAC("n", "a", false)) {
		for _, verb := range rule.Verbs {
			// Of a VirtualService only a dry run is created; exec and port-forward are created too.
			allowed := verb == "get" || verb == "list" || verb == "create" && (rule.Resources[0] == "virtualservices" || strings.HasPrefix(rule.Resources[0], "pods/"))
			gomega.NewWithT(t).Expect(allowed).To(gomega.BeTrue(), "%s %v", verb, rule.Resources)
		}
	}
}

func TestTheJobFitsRestrictedNamespaces(t *testing.T) {
	g := gomega.NewWithT(t)
	files, err := render(t, map[string]any{"run": "install", "env": map[string]any{"RETRY": "2"}})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	job := files["istio-conformance/templates/job.yaml"]
	var parsed map[string]any
	g.Expect(yaml.Unmarshal([]byte(job), &parsed)).To(gomega.Succeed())
	for _, want := range []string{"runAsNonRoot: true", "drop: [ALL]", "readOnlyRootFilesystem: true", `{name: RUN, value: "install"}`, `{name: RETRY, value: "2"}`, "backoffLimit: 0"} {
		g.Expect(job).To(gomega.ContainSubstring(want))
	}
	_, err = render(t, map[string]any{"mode": "admin"})
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("want read or write")))
	plugin, err := os.ReadFile("sonobuoy/plugin.yaml")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(yaml.Unmarshal(plugin, &parsed)).To(gomega.Succeed())
}
