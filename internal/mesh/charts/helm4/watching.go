package helm4

import (
	"context"
	"time"

	"helm.sh/helm/v4/pkg/kube"

	"istio-conformance/internal/mesh/charts"
)

// watching is Helm's client with waits that end with the operation's context, and that
// say in the end which objects they waited for.
type watching struct {
	*kube.Client
	ctx        context.Context // Helm's interface has no place for one
	connection charts.Connection
}

// GetWaiter is part of Helm's interface, as is GetWaiterWithOptions.
func (w *watching) GetWaiter(s kube.WaitStrategy) (kube.Waiter, error) {
	return w.GetWaiterWithOptions(s)
}

func (w *watching) GetWaiterWithOptions(s kube.WaitStrategy, options ...kube.WaitOption) (kube.Waiter, error) {
	of, err := w.Client.GetWaiterWithOptions(s, append(options, kube.WithWaitContext(w.ctx))...)
	if err != nil {
		return nil, err
	}
	return &waiter{Waiter: of, of: w}, nil
}

// waiter adds to what Helm says of a wait that failed.
type waiter struct {
	kube.Waiter
	of *watching
}

func (w *waiter) Wait(resources kube.ResourceList, timeout time.Duration) error {
	return w.explain(w.Waiter.Wait, resources, timeout)
}

func (w *waiter) WaitWithJobs(resources kube.ResourceList, timeout time.Duration) error {
	return w.explain(w.Waiter.WaitWithJobs, resources, timeout)
}

func (w *waiter) explain(wait func(kube.ResourceList, time.Duration) error, resources kube.ResourceList, timeout time.Duration) error {
	started := time.Now()
	err := wait(resources, timeout)
	return w.of.connection.Unready(w.of.ctx, err, resources, time.Since(started).Round(time.Second))
}
