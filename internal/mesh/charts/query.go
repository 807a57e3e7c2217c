package charts

import (
	"context"
	"fmt"
	"slices"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/release"
)

// Get returns the last revision of a release: its status, chart, values and
// manifest. The error of a release that does not exist is
// driver.ErrReleaseNotFound.
func (c *Client) Get(ctx context.Context, namespace, name string) (*release.Release, error) {
	cfg, err := c.configuration(ctx, namespace)
	if err != nil {
		return nil, fmt.Errorf("get release %s/%s: %w", namespace, name, err)
	}
	found, err := cfg.Releases.Last(name)
	if err != nil {
		return nil, fmt.Errorf("get release %s/%s: %w", namespace, name, err)
	}
	return found, nil
}

// History returns all revisions of a release, the first one first.
func (c *Client) History(ctx context.Context, namespace, name string) ([]*release.Release, error) {
	cfg, err := c.configuration(ctx, namespace)
	if err != nil {
		return nil, fmt.Errorf("history of release %s/%s: %w", namespace, name, err)
	}
	revisions, err := cfg.Releases.History(name)
	if err != nil {
		return nil, fmt.Errorf("history of release %s/%s: %w", namespace, name, err)
	}
	slices.SortFunc(revisions, func(a, b *release.Release) int { return a.Version - b.Version })
	return revisions, nil
}

// List returns the last revision of every release in a namespace, whatever its
// status; an empty namespace means all of them. They are sorted by name.
func (c *Client) List(ctx context.Context, namespace string) ([]*release.Release, error) {
	cfg, err := c.configuration(ctx, namespace)
	if err != nil {
		return nil, fmt.Errorf("list releases in namespace %q: %w", namespace, err)
	}
	list := action.NewList(cfg)
	list.AllNamespaces = namespace == ""
	list.All, list.StateMask = true, action.ListAll
	found, err := list.Run()
	if err != nil {
		return nil, fmt.Errorf("list releases in namespace %q: %w", namespace, err)
	}
	return found, nil
}
