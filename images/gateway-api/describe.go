package main

import (
	"encoding/json"
	"io"
	"io/fs"
	"maps"
	"regexp"
	"slices"

	"sigs.k8s.io/gateway-api/conformance"
	"sigs.k8s.io/gateway-api/conformance/tests"
	"sigs.k8s.io/gateway-api/conformance/utils/suite"
	"sigs.k8s.io/gateway-api/pkg/consts"
	"sigs.k8s.io/gateway-api/pkg/features"
)

// description is what the suite holds. internal/images/gatewayapi reads it.
type description struct {
	// Version is that of the Gateway API: the CustomResourceDefinitions must have it.
	Version  string    `json:"version"`
	Profiles []profile `json:"profiles"`
	Tests    []test    `json:"tests"`
	// Images are those that the suite's manifests name.
	Images []string `json:"images"`
}

// profile is a set of features that are tested together.
type profile struct {
	Name     string                 `json:"name"`
	Core     []features.FeatureName `json:"core"`
	Extended []features.FeatureName `json:"extended"`
}

type test struct {
	Name        string                 `json:"name"`
	Description string                 `json:"description"`
	Features    []features.FeatureName `json:"features"`
	// Parallel says that it begins when all others have ended.
	Parallel bool `json:"parallel"`
	// Provisional says that the test itself is on trial.
	Provisional bool `json:"provisional"`
}

// profiles are all that the suite knows.
var profiles = []suite.ConformanceProfile{
	suite.GatewayHTTPConformanceProfile, suite.GatewayTLSConformanceProfile, suite.GatewayTCPConformanceProfile, suite.GatewayUDPConformanceProfile,
	suite.GatewayGRPCConformanceProfile, suite.MeshHTTPConformanceProfile, suite.MeshGRPCConformanceProfile,
}

func printDescription(out io.Writer) error {
	d := description{Version: consts.BundleVersion}
	for _, p := range profiles {
		d.Profiles = append(d.Profiles, profile{string(p.Name), slices.Sorted(maps.Keys(p.CoreFeatures)), slices.Sorted(maps.Keys(p.ExtendedFeatures))})
	}
	for _, t := range tests.ConformanceTests {
		d.Tests = append(d.Tests, test{t.ShortName, t.Description, t.Features, t.Parallel, t.Provisional})
	}
	var err error
	if d.Images, err = imagesOf(conformance.Manifests); err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(d)
}

var imageLine = regexp.MustCompile(`(?m)^\s*image:\s*(\S+)`)

// imagesOf returns the images that the manifests name, each once.
func imagesOf(manifests fs.FS) ([]string, error) {
	found := map[string]bool{}
	err := fs.WalkDir(manifests, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(manifests, path)
		for _, match := range imageLine.FindAllSubmatch(text, -1) {
			found[string(match[1])] = true
		}
		return err
	})
	return slices.Sorted(maps.Keys(found)), err
}
