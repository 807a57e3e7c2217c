package charts

import (
	"fmt"

	"helm.sh/helm/v3/pkg/action"
)

// Package packages the chart sources in srcDir into destDir as
// <name>-<version>.tgz and returns its path. The version is stamped as the
// chart's version and as that of the application, which is how Istio's own
// build turns its sources, all of version 1.0.0, into a release's charts.
func Package(srcDir, version, destDir string) (string, error) {
	p := action.NewPackage()
	p.Version, p.AppVersion, p.Destination = version, version, destDir
	path, err := p.Run(srcDir, nil)
	if err != nil {
		return "", fmt.Errorf("package chart %s at version %s: %w", srcDir, version, err)
	}
	return path, nil
}
