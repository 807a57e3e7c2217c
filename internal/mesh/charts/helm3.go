package charts

import (
	"context"
	"errors"
	"fmt"
	"time"

	"helm.sh/helm/v3/pkg/action"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/kube"
)

// Version3 is that of Helm 3's library, as go.mod has it.
const Version3 = "3.21.4"

// errNoServerSide says why Helm 3 refuses what only later versions can do.
var errNoServerSide = errors.New("what only the API server applies is not for Helm 3: HELM=4 does it")

// Helm's library has this as a variable of its package.
func init() { kube.ManagedFieldsManager = Manager }

// configure returns Helm 3's configuration for one operation in a namespace.
type configure func(ctx context.Context, namespace string) (*action.Configuration, error)

// configure3 is configure for a cluster.
func configure3(c Connection) configure {
	return func(ctx context.Context, namespace string) (*action.Configuration, error) {
		getter, err := c.Getter(namespace)
		if err != nil {
			return nil, err
		}
		client, err := clientset(getter)
		if err != nil {
			return nil, err
		}
		cfg := &action.Configuration{}
		if err := cfg.Init(getter, namespace, "secret", action.DebugLog(c.Logf)); err != nil {
			return nil, fmt.Errorf("initialize Helm: %w", err)
		}
		helmClient, ok := cfg.KubeClient.(*kube.Client)
		if !ok {
			return nil, fmt.Errorf("initialize Helm: its client is a %T, want a *kube.Client", cfg.KubeClient)
		}
		cfg.KubeClient = &waitingClient{Client: helmClient, ctx: ctx, clientset: client, logf: c.Logf}
		return cfg, nil
	}
}

// helm3 changes releases by Helm 3's library.
type helm3 struct{ configure configure }

func (helm3) Version() string { return Version3 }

// prepare returns what an operation on a release works with.
func (h helm3) prepare(ctx context.Context, r Release) (*action.Configuration, *chart.Chart, error) {
	if r.ServerSide || r.ForceConflicts {
		return nil, nil, errNoServerSide
	}
	cfg, err := h.configure(ctx, r.Namespace)
	if err != nil {
		return nil, nil, err
	}
	loaded, err := r.load()
	return cfg, loaded, err
}

func (h helm3) Install(ctx context.Context, r Release) error {
	cfg, loaded, err := h.prepare(ctx, r)
	if err != nil {
		return err
	}
	install := action.NewInstall(cfg)
	install.ReleaseName, install.Namespace = r.Name, r.Namespace
	install.Wait, install.WaitForJobs, install.Timeout = !r.NoWait, !r.NoWait, r.Within()
	// Not RunWithContext: it would return while the installation still runs.
	_, err = install.Run(loaded, Values(r.Values))
	return err
}

func (h helm3) Upgrade(ctx context.Context, r Release) error {
	cfg, loaded, err := h.prepare(ctx, r)
	if err != nil {
		return err
	}
	upgrade := action.NewUpgrade(cfg)
	upgrade.Namespace = r.Namespace
	upgrade.Wait, upgrade.WaitForJobs, upgrade.Timeout = true, true, r.Within()
	upgrade.ResetValues = true
	_, err = upgrade.Run(r.Name, loaded, Values(r.Values))
	return err
}

func (h helm3) Rollback(ctx context.Context, namespace, name string, revision int, timeout time.Duration) error {
	cfg, err := h.configure(ctx, namespace)
	if err != nil {
		return err
	}
	rollback := action.NewRollback(cfg)
	rollback.Version = revision
	rollback.Wait, rollback.WaitForJobs, rollback.Timeout = timeout > 0, timeout > 0, timeout
	return rollback.Run(name)
}

func (h helm3) Uninstall(ctx context.Context, namespace, name string, timeout time.Duration) error {
	cfg, err := h.configure(ctx, namespace)
	if err != nil {
		return err
	}
	uninstall := action.NewUninstall(cfg)
	uninstall.Wait, uninstall.Timeout = true, timeout
	uninstall.DeletionPropagation = "foreground"
	_, err = uninstall.Run(name)
	return err
}
