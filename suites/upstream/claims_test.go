package upstream

import (
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/images/conformance"
	"istio-conformance/internal/process/exitcode"
)

func suiteOf() *conformance.Suite {
	return &conformance.Suite{Description: conformance.Description{
		Version: "v1.6.3",
		Profiles: []conformance.Profile{
			{Name: "GATEWAY-HTTP", Core: []string{"Gateway", "HTTPRoute"}, Extended: []string{"HTTPRouteCORS", "HTTPRouteX"}},
			{Name: "MESH-GRPC", Core: []string{"Mesh", "GRPCRoute"}},
		},
		Tests: []conformance.Test{
			{Name: "Slow", Features: []string{"Gateway"}, Parallel: true},
			{Name: "HTTPRouteCORS", Features: []string{"Gateway", "HTTPRoute", "HTTPRouteCORS"}},
			{Name: "HTTPRouteX", Features: []string{"Gateway", "HTTPRoute", "HTTPRouteX"}},
			{Name: "MeshGRPCRouteWeight", Features: []string{"Mesh", "GRPCRoute"}},
			{Name: "HTTPRouteNoBackendRefs", Features: []string{"Gateway"}},
		},
	}}
}

func TestClaims(t *testing.T) {
	g := gomega.NewWithT(t)
	s := suiteOf()
	c, err := readClaims("1.30.0")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	claimed := map[string]bool{}
	for _, test := range s.Tests {
		claimed[test.Name] = c.of(s, test)
	}
	g.Expect(claimed).To(gomega.Equal(map[string]bool{
		"Slow": true, "HTTPRouteCORS": true,
		"HTTPRouteX":             false, // no feature that is said to be supported
		"MeshGRPCRouteWeight":    false, // of no profile that was reported
		"HTTPRouteNoBackendRefs": false, // came after the report
	}))
	_, err = readClaims("1.29.1")
	g.Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Usage))
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("want one of 1.31, 1.30")))
}

func TestUnknownProfileNamesThoseThereAre(t *testing.T) {
	g := gomega.NewWithT(t)
	_, err := New(nil, suiteOf(), "GATEWAY-HTTP,GATEWAY-FTP")
	g.Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Usage))
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(`no profile "GATEWAY-FTP"; want some of GATEWAY-HTTP, MESH-GRPC`)))
}

func TestWhatRunsAndWithWhat(t *testing.T) {
	g := gomega.NewWithT(t)
	u, err := New(nil, suiteOf(), "GATEWAY-HTTP")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	u.claims, err = readClaims("1.30.0")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	var names []string
	for _, c := range u.Suite().Checks {
		names = append(names, c.Name)
	}
	g.Expect(names).To(gomega.Equal([]string{setUpName, "HTTPRouteCORS", "HTTPRouteX", "HTTPRouteNoBackendRefs", "Slow", reportName}), "in the order in which they end")
	profiles, features := u.scope(names)
	g.Expect(profiles).To(gomega.Equal([]string{"GATEWAY-HTTP"}))
	g.Expect(features).NotTo(gomega.ContainElement("HTTPRouteX"))
	_, features = u.scope([]string{"HTTPRouteX"})
	g.Expect(features).To(gomega.ContainElement("HTTPRouteX"), "a test that was asked for gets what it needs")
}
