package charts

import (
	"context"
	"fmt"
	"time"

	"helm.sh/helm/v3/pkg/kube"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/resource"
	"k8s.io/client-go/kubernetes"

	"istio-conformance/internal/process/progress"
)

// Manager is how Helm's program calls itself where the API server notes who owns a
// field. Helm's libraries call themselves after the program that they are in, and a
// release that two programs of different names change in turn is in conflict with itself.
const Manager = "helm"

// Changer is a major version of Helm: it changes releases. All of them store a release
// in the same form, so that Helm 3 reads what another one wrote.
type Changer interface {
	// Version is Helm's, such as "4.2.4".
	Version() string
	Install(ctx context.Context, r Release) error
	Upgrade(ctx context.Context, r Release) error
	// Rollback does not wait where the timeout is 0.
	Rollback(ctx context.Context, namespace, name string, revision int, timeout time.Duration) error
	Uninstall(ctx context.Context, namespace, name string, timeout time.Duration) error
}

// Maker makes a Changer for one cluster; nil stands for Helm 3.
type Maker func(Connection) Changer

// Connection is how a Changer reaches a cluster.
type Connection struct {
	// Getter connects to a namespace of it.
	Getter func(namespace string) (genericclioptions.RESTClientGetter, error)
	// Logf takes what Helm logs.
	Logf progress.Logf
}

// clientset returns a client for one namespace's getter.
func clientset(getter genericclioptions.RESTClientGetter) (kubernetes.Interface, error) {
	config, err := getter.ToRESTConfig()
	if err != nil {
		return nil, err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", config.Host, err)
	}
	return client, nil
}

// Unready makes of the error of a wait for objects one that says which are not ready,
// by Helm 3's rules, and why. An error of something else it returns as it is.
func (c Connection) Unready(ctx context.Context, waitErr error, objects []*resource.Info, waited time.Duration) error {
	if waitErr == nil {
		return nil
	}
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("not ready when stopped: %w", err)
	}
	getter, err := c.Getter("")
	if err != nil {
		return waitErr
	}
	client, err := clientset(getter)
	if err != nil {
		return waitErr
	}
	waiting := &waitingClient{ctx: ctx, clientset: client, logf: c.Logf}
	states, unready, err := waiting.unready(ctx, objects, kube.PausedAsReady(true), kube.CheckJobs(true))
	if err != nil {
		return fmt.Errorf("%w; %w", waitErr, err)
	}
	if len(states) == 0 {
		return fmt.Errorf("%w; by Helm 3's rules all is ready", waitErr)
	}
	details := waiting.describe(unready) //nolint:contextcheck // it asks with the client's own context, as Helm's interface makes it
	return &lateError{wanted: "ready", waited: waited, states: states, details: append(details, "Helm waited: "+waitErr.Error())}
}
