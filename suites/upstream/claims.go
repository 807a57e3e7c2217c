package upstream

import (
	"fmt"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"istio-conformance/fixtures"
	"istio-conformance/internal/images/conformance"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
)

// claimsFile holds what Istio's project claims.
const claimsFile = "gateway-api.yaml"

// claims are what a published report of Istio's project says of a minor.
type claims struct {
	Istio string `json:"istio"`
	// Link is the report's, and GatewayAPI the version of the suite that made it.
	Link       string `json:"link"`
	GatewayAPI string `json:"gatewayAPI"`
	// Profiles are how many tests passed.
	Profiles []passed `json:"profiles"`
	// Features are those that are said to be supported, of all profiles.
	Features []string `json:"features"`
	// Later are tests of these features that came after the report.
	Later []string `json:"later"`
}

// passed are the tests of a profile that passed.
type passed struct {
	Name     string `json:"name"`
	Core     int    `json:"core"`
	Extended int    `json:"extended"`
}

// readClaims returns what is published of a version's minor.
func readClaims(version string) (*claims, error) {
	text, err := fixtures.Files.ReadFile(claimsFile)
	if err != nil {
		return nil, err
	}
	var file struct {
		Reports []claims `json:"reports"`
	}
	if err := yaml.UnmarshalStrict(text, &file); err != nil {
		return nil, fmt.Errorf("fixtures/%s: %w", claimsFile, err)
	}
	of, err := istio.ParseVersion(version)
	if err != nil {
		return nil, err
	}
	var known []string
	for i, r := range file.Reports {
		minor, err := istio.ParseVersion(r.Istio)
		if err != nil {
			return nil, fmt.Errorf("fixtures/%s: %w", claimsFile, err)
		}
		if minor.SameMinor(of) {
			return &file.Reports[i], nil
		}
		known = append(known, r.Istio)
	}
	return nil, exitcode.Usagef("ISTIO=%s: fixtures/%s knows no report on the Gateway API that Istio's project published of it; want one of %s", version, claimsFile, strings.Join(known, ", "))
}

// of says whether a test is claimed to pass: one of the profiles that were reported has
// all its features, as core or as extended ones that are said to be supported.
func (c *claims) of(s *conformance.Suite, t conformance.Test) bool {
	if slices.Contains(c.Later, t.Name) {
		return false
	}
	return slices.ContainsFunc(s.Profiles, func(p conformance.Profile) bool {
		reported := slices.ContainsFunc(c.Profiles, func(r passed) bool { return r.Name == p.Name })
		return reported && p.Has(t) && c.supports(p, t)
	})
}

// supports says whether each of a test's features is core of the profile or claimed.
func (c *claims) supports(p conformance.Profile, t conformance.Test) bool {
	return !slices.ContainsFunc(t.Features, func(f string) bool { return !slices.Contains(p.Core, f) && !slices.Contains(c.Features, f) })
}
