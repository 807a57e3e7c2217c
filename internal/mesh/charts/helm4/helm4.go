// Package helm4 changes releases by Helm 4's library as its program does by default: an
// installation is applied by the API server, an upgrade and a rollback as the revision
// before was, and what must become ready is watched.
package helm4

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"helm.sh/helm/v4/pkg/action"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/kube"

	"istio-conformance/internal/mesh/charts"
)

// Version is that of Helm 4's library, as go.mod has it.
const Version = "4.2.4"

// Helm's library has this as a variable of its package.
func init() { kube.ManagedFieldsManager = charts.Manager }

// New returns the Changer of a cluster; it is a charts.Maker.
func New(c charts.Connection) charts.Changer { return helm{c} }

type helm struct{ charts.Connection }

func (helm) Version() string { return Version }

// configuration is Helm's for one operation in a namespace.
func (h helm) configuration(ctx context.Context, namespace string) (*action.Configuration, error) {
	getter, err := h.Getter(namespace)
	if err != nil {
		return nil, err
	}
	cfg := action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler))
	if err := cfg.Init(getter, namespace, "secret"); err != nil {
		return nil, fmt.Errorf("initialize Helm: %w", err)
	}
	client, ok := cfg.KubeClient.(*kube.Client)
	if !ok {
		return nil, fmt.Errorf("initialize Helm: its client is a %T, want a *kube.Client", cfg.KubeClient)
	}
	cfg.KubeClient = &watching{Client: client, ctx: ctx, connection: h.Connection}
	return cfg, nil
}

// strategy waits for all that a release has, or for its hooks alone.
func strategy(wait bool) kube.WaitStrategy {
	if wait {
		return kube.StatusWatcherStrategy
	}
	return kube.HookOnlyStrategy
}

// prepare returns what an operation on a release works with.
func (h helm) prepare(ctx context.Context, r charts.Release) (*action.Configuration, *chart.Chart, error) {
	cfg, err := h.configuration(ctx, r.Namespace)
	if err != nil {
		return nil, nil, err
	}
	loaded, err := loader.Load(r.Chart)
	if err != nil {
		return nil, nil, fmt.Errorf("load chart %s: %w", r.Chart, err)
	}
	return cfg, loaded, nil
}

func (h helm) Install(ctx context.Context, r charts.Release) error {
	cfg, loaded, err := h.prepare(ctx, r)
	if err != nil {
		return err
	}
	install := action.NewInstall(cfg)
	install.ReleaseName, install.Namespace = r.Name, r.Namespace
	install.WaitStrategy, install.WaitForJobs, install.Timeout = strategy(!r.NoWait), !r.NoWait, r.Within()
	install.ForceConflicts = r.ForceConflicts
	// Not RunWithContext: it would return while the installation still runs.
	_, err = install.Run(loaded, charts.Values(r.Values))
	return err
}

func (h helm) Upgrade(ctx context.Context, r charts.Release) error {
	cfg, loaded, err := h.prepare(ctx, r)
	if err != nil {
		return err
	}
	upgrade := action.NewUpgrade(cfg)
	upgrade.Namespace = r.Namespace
	upgrade.WaitStrategy, upgrade.WaitForJobs, upgrade.Timeout = strategy(true), true, r.Within()
	upgrade.ResetValues = true
	upgrade.ForceConflicts = r.ForceConflicts
	if r.ServerSide {
		upgrade.ServerSideApply = "true"
	}
	_, err = upgrade.Run(r.Name, loaded, charts.Values(r.Values))
	return err
}

func (h helm) Rollback(ctx context.Context, namespace, name string, revision int, timeout time.Duration) error {
	cfg, err := h.configuration(ctx, namespace)
	if err != nil {
		return err
	}
	rollback := action.NewRollback(cfg)
	rollback.Version = revision
	rollback.WaitStrategy, rollback.WaitForJobs, rollback.Timeout = strategy(timeout > 0), timeout > 0, timeout
	return rollback.Run(name)
}

func (h helm) Uninstall(ctx context.Context, namespace, name string, timeout time.Duration) error {
	cfg, err := h.configuration(ctx, namespace)
	if err != nil {
		return err
	}
	uninstall := action.NewUninstall(cfg)
	uninstall.WaitStrategy, uninstall.Timeout = strategy(true), timeout
	uninstall.DeletionPropagation = "foreground"
	_, err = uninstall.Run(name)
	return err
}
