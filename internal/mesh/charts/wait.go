package charts

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"helm.sh/helm/v3/pkg/kube"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"

	"istio-conformance/internal/process/progress"
)

// pollInterval is how often the state of objects is asked for while waiting.
const pollInterval = 500 * time.Millisecond

// waitingClient is Helm's client with waits that end with the operation's
// context, and that say in the end which objects they waited for.
type waitingClient struct {
	*kube.Client
	ctx       context.Context // Helm's interface has no place for one
	clientset kubernetes.Interface
	logf      progress.Logf
}

// state is what is known of an object that is not as it should be.
type state struct{ object, reason string }

func (s state) String() string { return s.object + ": " + s.reason }

// Wait waits until the resources are ready.
func (c *waitingClient) Wait(resources kube.ResourceList, timeout time.Duration) error {
	return c.untilReady(resources, timeout, kube.PausedAsReady(true))
}

// WaitWithJobs waits until the resources are ready and the jobs done.
func (c *waitingClient) WaitWithJobs(resources kube.ResourceList, timeout time.Duration) error {
	return c.untilReady(resources, timeout, kube.PausedAsReady(true), kube.CheckJobs(true))
}

func (c *waitingClient) untilReady(resources kube.ResourceList, timeout time.Duration, options ...kube.ReadyCheckerOption) error {
	var pending kube.ResourceList
	err := c.poll(timeout, "ready", func(ctx context.Context) ([]state, error) {
		states, unready, err := c.unready(ctx, resources, options...)
		if ctx.Err() == nil {
			pending = unready
		}
		return states, err
	})
	var late *lateError
	if errors.As(err, &late) {
		late.details = c.describe(pending)
	}
	return err
}

// unready asks once which of the resources are not ready, and why.
func (c *waitingClient) unready(ctx context.Context, resources kube.ResourceList, options ...kube.ReadyCheckerOption) ([]state, kube.ResourceList, error) {
	// Helm's checker says why an object is not ready only to its log.
	var said string
	checker := kube.NewReadyChecker(c.clientset, func(format string, args ...any) { said = fmt.Sprintf(format, args...) }, options...)
	var states []state
	var unready kube.ResourceList
	for _, r := range resources {
		said = "not ready yet"
		ready, err := checker.IsReady(ctx, r)
		if fatal(err) {
			return nil, nil, fmt.Errorf("%s: %w", objectName(r), err)
		}
		if noTime(err) {
			return nil, nil, errNoTime
		}
		if err != nil {
			said = err.Error()
		}
		if !ready {
			unready = append(unready, r)
			states = append(states, state{objectName(r), said})
		}
	}
	return states, unready, nil
}

// WaitForDelete waits until the resources are gone.
func (c *waitingClient) WaitForDelete(resources kube.ResourceList, timeout time.Duration) error {
	return c.poll(timeout, "gone", func(context.Context) ([]state, error) {
		var states []state
		for _, r := range resources {
			err := r.Get()
			switch {
			case apierrors.IsNotFound(err):
			case fatal(err):
				return nil, fmt.Errorf("%s: %w", objectName(r), err)
			case err != nil:
				states = append(states, state{objectName(r), err.Error()})
			default:
				states = append(states, state{objectName(r), "still there"})
			}
		}
		return states, nil
	})
}

// poll asks for what is not yet as wanted until nothing is left. It logs each
// change, and ends with a lateError at the timeout.
func (c *waitingClient) poll(timeout time.Duration, wanted string, ask func(context.Context) ([]state, error)) error {
	started := time.Now()
	ctx, cancel := context.WithTimeout(c.ctx, timeout)
	defer cancel()
	var last []state
	err := wait.PollUntilContextCancel(ctx, pollInterval, true, func(ctx context.Context) (bool, error) {
		states, err := ask(ctx)
		if err != nil || ctx.Err() != nil {
			return false, err
		}
		for _, s := range states {
			if !slices.Contains(last, s) {
				c.logf("waiting: %s", s)
			}
		}
		last = states
		return len(states) == 0, nil
	})
	switch {
	case err == nil:
		return nil
	case c.ctx.Err() != nil:
		return fmt.Errorf("not %s when stopped after %s: %w", wanted, time.Since(started).Round(time.Second), context.Cause(c.ctx))
	case ctx.Err() != nil, errors.Is(err, errNoTime):
		return &lateError{wanted: wanted, waited: timeout, states: last}
	}
	return err
}

// errNoTime ends a wait a little before its timeout, with what was known last.
var errNoTime = errors.New("no time left to ask")

// noTime says whether a request was not sent because its turn would come after the
// deadline: client-go's limiter has no error of its own for that.
func noTime(err error) bool {
	return err != nil && strings.Contains(err.Error(), "would exceed context deadline")
}

// fatal says whether waiting longer cannot help: the API server understood the
// question and the answer is no.
func fatal(err error) bool {
	var status apierrors.APIStatus
	if !errors.As(err, &status) {
		return false
	}
	code := status.Status().Code
	return code >= http.StatusBadRequest && code < http.StatusInternalServerError && code != http.StatusTooManyRequests
}
