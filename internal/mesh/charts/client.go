package charts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"istio-conformance/internal/process/progress"
)

// Client manages the releases of one cluster. Every change waits, as "helm
// --wait" does, until what it made is ready; when that fails the error says
// which objects are not ready and why. When the context ends, the wait ends at
// once and the release is recorded as failed. Namespaces are not created.
type Client struct {
	logf       progress.Logf
	connection Connection
	configure  configure
	changer    Changer
}

// NewClient returns a client for the cluster of a kubeconfig file; an empty
// kubeContext means the file's current one. It changes releases by Helm 3. What Helm
// logs goes to logf, which may not be nil.
func NewClient(kubeconfig, kubeContext string, logf progress.Logf) (*Client, error) {
	// Bad input should be known before there is anything to install.
	if _, err := newClientGetter(kubeconfig, kubeContext, "", logf); err != nil {
		return nil, err
	}
	c := Connection{Logf: logf, Getter: func(namespace string) (genericclioptions.RESTClientGetter, error) {
		return newClientGetter(kubeconfig, kubeContext, namespace, logf)
	}}
	configure := configure3(c)
	return &Client{logf: logf, connection: c, configure: configure, changer: helm3{configure}}, nil
}

// By returns a client for the same cluster that changes releases by another version of
// Helm; nil stands for Helm 3.
func (c *Client) By(maker Maker) *Client {
	other := *c
	other.changer = helm3{c.configure}
	if maker != nil {
		other.changer = maker(c.connection)
	}
	return &other
}

// Version is that of the Helm that changes releases, such as "3.21.4".
func (c *Client) Version() string { return c.changer.Version() }

// configuration is Helm 3's, to read by, unless the context has ended.
func (c *Client) configuration(ctx context.Context, namespace string) (*action.Configuration, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return c.configure(ctx, namespace)
}

// Install installs a release whose name is not in use.
func (c *Client) Install(ctx context.Context, r Release) (*release.Release, error) {
	return c.change(ctx, r, "install", c.changer.Install)
}

// Upgrade changes a release that exists to the chart and exactly the values.
func (c *Client) Upgrade(ctx context.Context, r Release) (*release.Release, error) {
	return c.change(ctx, r, "upgrade", c.changer.Upgrade)
}

// change makes a change and returns the revision that it led to.
func (c *Client) change(ctx context.Context, r Release, what string, change func(context.Context, Release) error) (*release.Release, error) {
	err := context.Cause(ctx)
	if err == nil {
		err = change(ctx, r)
	}
	if err != nil {
		return nil, fmt.Errorf("%s release %s: %w", what, r, err)
	}
	return c.Get(ctx, r.Namespace, r.Name)
}

// Rollback returns a release to an earlier revision; 0 means the one before the
// last.
func (c *Client) Rollback(ctx context.Context, namespace, name string, revision int, timeout time.Duration) error {
	err := context.Cause(ctx)
	if err == nil {
		err = c.changer.Rollback(ctx, namespace, name, revision, timeout)
	}
	if err != nil {
		return fmt.Errorf("roll back release %s/%s to revision %d: %w", namespace, name, revision, err)
	}
	return nil
}

// Uninstall removes a release and waits until its objects and their pods are
// gone. Objects that the chart says to keep stay: of Istio's, the CRDs. A
// release that does not exist is no error.
func (c *Client) Uninstall(ctx context.Context, namespace, name string, timeout time.Duration) error {
	cfg, err := c.configuration(ctx, namespace)
	if err != nil {
		return fmt.Errorf("uninstall release %s/%s: %w", namespace, name, err)
	}
	// Helm's own IgnoreNotFound would ignore every other error of its storage too.
	if _, err := cfg.Releases.Last(name); errors.Is(err, driver.ErrReleaseNotFound) {
		return nil
	}
	if err := c.changer.Uninstall(ctx, namespace, name, timeout); err != nil {
		return fmt.Errorf("uninstall release %s/%s: %w", namespace, name, err)
	}
	return nil
}
