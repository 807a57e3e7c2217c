package helm

import (
	"context"
	"strings"

	"github.com/onsi/gomega"
	"helm.sh/helm/v3/pkg/chartutil"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// misspelt is a value that no chart has; a typing error in a values file.
const misspelt = "replicaCuont"

var _ = Checks.Add(schema)

// schema gives each chart that has a schema a value that it does not know.
func schema(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "values-schema",
		SkipIf:   s.WithRecord("gateway"),
		Promise:  "a chart with a schema takes the values it was installed with, and refuses one that it does not know by its name",
		Parallel: true,
		Run: func(ctx context.Context, t *check.T) {
			var without []string
			judged := 0
			for _, r := range s.Releases {
				found, err := s.Helm.Get(ctx, r.Namespace, r.Name)
				t.Expect(err).NotTo(gomega.HaveOccurred())
				if len(found.Chart.Schema) == 0 {
					without = append(without, found.Chart.Metadata.Name)
					continue
				}
				judged++
				t.Diagnose("the values of release "+r.Name+" do not fit the schema of its chart: the next upgrade is refused",
					"helm get values "+r.Name+" --namespace "+r.Namespace+"; compare with helm show values",
					"https://helm.sh/docs/topics/charts/#schema-files")
				values, err := chartutil.CoalesceValues(found.Chart, found.Config)
				t.Expect(err).NotTo(gomega.HaveOccurred())
				t.Expect(chartutil.ValidateAgainstSchema(found.Chart, values)).To(gomega.Succeed(), "values of release %s", r)
				t.Diagnose("chart "+found.Chart.Metadata.Name+" takes a value that it does not know: a typing error would go unnoticed",
					"the chart's values.schema.json must say additionalProperties: false", "https://helm.sh/docs/topics/charts/#schema-files")
				values[misspelt] = 2
				t.Expect(chartutil.ValidateAgainstSchema(found.Chart, values)).To(gomega.MatchError(gomega.And(
					gomega.ContainSubstring("additional properties"), gomega.ContainSubstring(misspelt))), "values of release %s with one more", r)
			}
			t.Diagnose("no chart has a schema", "Istio's chart gateway has had one since 1.13", "https://istio.io/latest/docs/setup/additional-setup/gateway/")
			t.Expect(judged).To(gomega.BeNumerically(">", 0), "charts with a schema")
			t.Observe("%d charts with a schema; without one, so that unknown values pass unnoticed: %s", judged, strings.Join(without, ", "))
		},
	}
}
