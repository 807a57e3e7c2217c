package helm4

import (
	"context"
	"errors"
	"strings"
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

// stillThere is what Helm says of an object that was to be deleted.
const stillThere = "still exists"

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

// WaitForDelete watches again where a watch ends before its time although objects are
// still there: Helm's ends when it has heard of the last one that is gone, and then counts
// one of which it heard after that as still there. (Seen with 4.2.4: "still exists. status:
// Terminating" within seconds of an uninstall in the foreground.)
func (w *waiter) WaitForDelete(resources kube.ResourceList, timeout time.Duration) error {
	for deadline := time.Now().Add(timeout); ; {
		left := time.Until(deadline)
		if left <= 0 {
			left = time.Nanosecond // so that Helm says what is still there; 0 is half a minute
		}
		err := w.Waiter.WaitForDelete(resources, left)
		if err == nil || w.of.ctx.Err() != nil || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), stillThere) {
			return err
		}
		w.of.connection.Logf("Helm's watch ended early and is begun again: %v", err)
	}
}

func (w *waiter) explain(wait func(kube.ResourceList, time.Duration) error, resources kube.ResourceList, timeout time.Duration) error {
	started := time.Now()
	err := wait(resources, timeout)
	return w.of.connection.Unready(w.of.ctx, err, resources, time.Since(started).Round(time.Second))
}
