package stack

import (
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
)

// TestChartsThatDoNotAnswer holds what is said of a minor, which needs their list, and of
// a full version, whose charts may be in the cache.
func TestChartsThatDoNotAnswer(t *testing.T) {
	for asked, says := range map[string]string{
		"1.30":   `nothing listens there \(connection refused\); charts that were fetched before are found by their full version, such as ISTIO=1\.30\.\d+$`,
		"1.30.2": "",
	} {
		t.Run(asked, func(t *testing.T) {
			t.Parallel()
			g := gomega.NewWithT(t)
			s := New(Config{Images: istio.SourceRelease, Charts: "http://127.0.0.1:1/charts", Istio: asked, KindConfig: "../../kind-config.yaml"})
			err := s.Resolve(t.Context())
			if says == "" {
				g.Expect(err).NotTo(gomega.HaveOccurred())
				g.Expect(s.Notes()).To(gomega.ContainElement(gomega.ContainSubstring("charts that were fetched before are used")))
				return
			}
			g.Expect(err).To(gomega.MatchError(gomega.MatchRegexp(says)))
			g.Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Environment))
		})
	}
}
