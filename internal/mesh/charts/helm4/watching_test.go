package helm4

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"helm.sh/helm/v4/pkg/kube"

	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/process/progress"
)

// deleting is a waiter of Helm's whose waits end with the errors in turn.
type deleting struct {
	kube.Waiter
	errs []error
	asks int
}

func (d *deleting) WaitForDelete(kube.ResourceList, time.Duration) error {
	d.asks++
	return d.errs[min(d.asks, len(d.errs))-1]
}

func TestAWatchThatEndsEarlyIsBegunAgain(t *testing.T) {
	early, other := errors.New("resource Deployment/a/b still exists. status: Terminating"), errors.New("forbidden")
	late := fmt.Errorf("%w: %w", early, context.DeadlineExceeded)
	for name, tt := range map[string]struct {
		errs []error
		asks int
		want error
	}{
		"gone at once":           {[]error{nil}, 1, nil},
		"gone at the second":     {[]error{early, nil}, 2, nil},
		"not gone in time":       {[]error{early, late}, 2, late},
		"what is something else": {[]error{other}, 1, other},
	} {
		t.Run(name, func(t *testing.T) {
			d := &deleting{errs: tt.errs}
			w := &waiter{Waiter: d, of: &watching{ctx: t.Context(), connection: charts.Connection{Logf: progress.Discard}}}
			if err := w.WaitForDelete(nil, time.Minute); !errors.Is(err, tt.want) || d.asks != tt.asks {
				t.Errorf("%v after %d waits, want %v after %d", err, d.asks, tt.want, tt.asks)
			}
		})
	}
}
