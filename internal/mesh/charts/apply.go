package charts

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// Apply makes the release be there with this chart and these values, and ready:
// it installs one that is missing, upgrades one that differs or failed, and only
// waits for one that is as it should be. A release that another operation is
// working on is an error.
func (c *Client) Apply(ctx context.Context, r Release) (*release.Release, error) {
	installed, err := c.Get(ctx, r.Namespace, r.Name)
	if errors.Is(err, driver.ErrReleaseNotFound) {
		return c.Install(ctx, r)
	}
	if err != nil {
		return nil, err
	}
	switch status := installed.Info.Status; {
	case status.IsPending():
		return nil, fmt.Errorf("apply release %s: another operation on it (%s) began at %s and has not ended; if nothing works on it any more: helm uninstall %s --namespace %s",
			r, status, installed.Info.LastDeployed.Format("15:04:05"), r.Name, r.Namespace)
	case status == release.StatusUninstalling, status == release.StatusUninstalled:
		if err := c.Uninstall(ctx, r.Namespace, r.Name, r.Within()); err != nil {
			return nil, err
		}
		return c.Install(ctx, r)
	case status == release.StatusFailed:
		if err := c.undo(ctx, r); err != nil {
			return nil, err
		}
		return c.Upgrade(ctx, r)
	case status != release.StatusDeployed:
		return c.Upgrade(ctx, r)
	}
	same, err := sameContent(installed, r)
	if err != nil {
		return nil, fmt.Errorf("compare release %s with what is installed: %w", r, err)
	}
	if !same {
		return c.Upgrade(ctx, r)
	}
	return c.settle(ctx, installed, r)
}

// undo takes a failed revision back to the last one that was deployed, if there is
// one, and does not wait for it. Helm compares an upgrade with that one, and not with
// the failed one: what the failed one added to an object would stay there for ever.
func (c *Client) undo(ctx context.Context, r Release) error {
	cfg, err := c.configuration(ctx, r.Namespace)
	if err != nil {
		return fmt.Errorf("undo the failed revision of release %s: %w", r, err)
	}
	deployed, err := cfg.Releases.Deployed(r.Name)
	if errors.Is(err, driver.ErrNoDeployedReleases) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("undo the failed revision of release %s: %w", r, err)
	}
	if err := c.changer.Rollback(ctx, r.Namespace, r.Name, deployed.Version, 0); err != nil {
		return fmt.Errorf("undo the failed revision of release %s: %w", r, err)
	}
	return nil
}

// settle waits for a release that needs no change; one whose objects somebody
// has deleted is upgraded to itself, which makes them again.
func (c *Client) settle(ctx context.Context, installed *release.Release, r Release) (*release.Release, error) {
	cfg, err := c.configuration(ctx, r.Namespace)
	if err != nil {
		return nil, fmt.Errorf("wait for release %s: %w", r, err)
	}
	resources, err := cfg.KubeClient.Build(strings.NewReader(installed.Manifest), false)
	if err != nil {
		return nil, fmt.Errorf("wait for release %s: read its manifest: %w", r, err)
	}
	err = cfg.KubeClient.WaitWithJobs(resources, r.Within())
	if apierrors.IsNotFound(err) {
		c.logf("release %s: %v; making it again", r, err)
		return c.Upgrade(ctx, r)
	}
	if err != nil {
		return nil, fmt.Errorf("wait for release %s: %w", r, err)
	}
	return installed, nil
}

// sameContent compares templates, files and values and not only the version:
// charts that are built from sources change without it.
func sameContent(installed *release.Release, r Release) (bool, error) {
	loaded, err := r.load()
	if err != nil {
		return false, err
	}
	type content struct {
		Chart  *chart.Chart
		Values map[string]any
	}
	have, err := canonical(content{installed.Chart, Values(installed.Config)})
	if err != nil {
		return false, err
	}
	want, err := canonical(content{loaded, Values(r.Values)})
	if err != nil {
		return false, err
	}
	return bytes.Equal(have, want), nil
}

// canonical is JSON as it is after a way through Helm's storage: keys sorted, and
// every number a float64.
func canonical(value any) ([]byte, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	var decoded any
	if err := json.Unmarshal(data, &decoded); err != nil {
		return nil, err
	}
	return json.Marshal(decoded)
}
