package charts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/kube"
	"helm.sh/helm/v3/pkg/release"
	"helm.sh/helm/v3/pkg/storage/driver"
	"k8s.io/client-go/kubernetes"

	"istio-conformance/internal/process/progress"
)

// Client manages the releases of one cluster. Every change waits, as "helm
// --wait" does, until what it made is ready; when that fails the error says
// which objects are not ready and why. When the context ends, the wait ends at
// once and the release is recorded as failed. Namespaces are not created.
type Client struct {
	logf progress.Logf
	// configure returns Helm's configuration for one operation in a namespace.
	configure func(ctx context.Context, namespace string) (*action.Configuration, error)
}

// NewClient returns a client for the cluster of a kubeconfig file; an empty
// kubeContext means the file's current one. What Helm logs goes to logf, which
// may not be nil.
func NewClient(kubeconfig, kubeContext string, logf progress.Logf) (*Client, error) {
	// Bad input should be known before there is anything to install.
	if _, err := newClientGetter(kubeconfig, kubeContext, "", logf); err != nil {
		return nil, err
	}
	return &Client{logf: logf, configure: func(ctx context.Context, namespace string) (*action.Configuration, error) {
		getter, err := newClientGetter(kubeconfig, kubeContext, namespace, logf)
		if err != nil {
			return nil, err
		}
		clientset, err := kubernetes.NewForConfig(getter.config)
		if err != nil {
			return nil, fmt.Errorf("kubeconfig %s: %w", kubeconfig, err)
		}
		cfg := &action.Configuration{}
		if err := cfg.Init(getter, namespace, "secret", action.DebugLog(logf)); err != nil {
			return nil, fmt.Errorf("initialize Helm: %w", err)
		}
		helmClient, ok := cfg.KubeClient.(*kube.Client)
		if !ok {
			return nil, fmt.Errorf("initialize Helm: its client is a %T, want a *kube.Client", cfg.KubeClient)
		}
		cfg.KubeClient = &waitingClient{Client: helmClient, ctx: ctx, clientset: clientset, logf: logf}
		return cfg, nil
	}}, nil
}

// configuration is configure, unless the context has ended.
func (c *Client) configuration(ctx context.Context, namespace string) (*action.Configuration, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	return c.configure(ctx, namespace)
}

// Install installs a release whose name is not in use.
func (c *Client) Install(ctx context.Context, r Release) (*release.Release, error) {
	cfg, err := c.configuration(ctx, r.Namespace)
	if err != nil {
		return nil, fmt.Errorf("install release %s: %w", r, err)
	}
	loaded, err := r.load()
	if err != nil {
		return nil, err
	}
	install := action.NewInstall(cfg)
	install.ReleaseName, install.Namespace = r.Name, r.Namespace
	install.Wait, install.WaitForJobs, install.Timeout = !r.NoWait, !r.NoWait, r.timeout()
	// Not RunWithContext: it would return while the installation goes on.
	installed, err := install.Run(loaded, Values(r.Values))
	if err != nil {
		return nil, fmt.Errorf("install release %s: %w", r, err)
	}
	return installed, nil
}

// Upgrade changes a release that exists to the chart and exactly the values.
func (c *Client) Upgrade(ctx context.Context, r Release) (*release.Release, error) {
	cfg, err := c.configuration(ctx, r.Namespace)
	if err != nil {
		return nil, fmt.Errorf("upgrade release %s: %w", r, err)
	}
	loaded, err := r.load()
	if err != nil {
		return nil, err
	}
	upgrade := action.NewUpgrade(cfg)
	upgrade.Namespace = r.Namespace
	upgrade.Wait, upgrade.WaitForJobs, upgrade.Timeout = true, true, r.timeout()
	upgrade.ResetValues = true
	upgraded, err := upgrade.Run(r.Name, loaded, Values(r.Values))
	if err != nil {
		return nil, fmt.Errorf("upgrade release %s: %w", r, err)
	}
	return upgraded, nil
}

// Rollback returns a release to an earlier revision; 0 means the one before the
// last.
func (c *Client) Rollback(ctx context.Context, namespace, name string, revision int, timeout time.Duration) error {
	cfg, err := c.configuration(ctx, namespace)
	if err != nil {
		return fmt.Errorf("roll back release %s/%s: %w", namespace, name, err)
	}
	rollback := action.NewRollback(cfg)
	rollback.Version = revision
	rollback.Wait, rollback.WaitForJobs, rollback.Timeout = true, true, timeout
	if err := rollback.Run(name); err != nil {
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
	uninstall := action.NewUninstall(cfg)
	uninstall.Wait, uninstall.Timeout = true, timeout
	uninstall.DeletionPropagation = "foreground"
	if _, err := uninstall.Run(name); err != nil {
		return fmt.Errorf("uninstall release %s/%s: %w", namespace, name, err)
	}
	return nil
}
