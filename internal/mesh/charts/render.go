package charts

import (
	"context"
	"fmt"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chartutil"
)

// Render returns what the release would create in a cluster of the Kubernetes
// version ("v1.36.3"), CRDs included and hooks left out, without asking one.
func Render(ctx context.Context, r Release, kubeVersion string) (string, error) {
	version, err := chartutil.ParseKubeVersion(kubeVersion)
	if err != nil {
		return "", fmt.Errorf("render release %s: Kubernetes version %q: %w", r, kubeVersion, err)
	}
	loaded, err := r.load()
	if err != nil {
		return "", err
	}
	install := action.NewInstall(&action.Configuration{Log: func(string, ...any) {}})
	install.ReleaseName, install.Namespace = r.Name, r.Namespace
	install.DryRun, install.ClientOnly, install.IncludeCRDs = true, true, true
	install.KubeVersion = version
	rendered, err := install.RunWithContext(ctx, loaded, Values(r.Values))
	if err != nil {
		return "", fmt.Errorf("render release %s from %s: %w", r, r.Chart, err)
	}
	return rendered.Manifest, nil
}

// TemplatesCRDs says whether a release's CRDs are among its templates, and not in the
// directory that Helm installs once and never upgrades.
func TemplatesCRDs(r Release) (bool, error) {
	loaded, err := r.load()
	if err != nil {
		return false, err
	}
	return len(loaded.CRDObjects()) == 0, nil
}
