package mutation

import (
	"context"
	"errors"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/watch"

	"istio-conformance/internal/check"
)

// errWatchEnded is that the API server told no more of what happens.
var errWatchEnded = errors.New("the watch ended before the mutation")

// Whenever does something at each event of a watch until the mutation is undone: for what
// can be broken only when a check has made it. do runs beside the checks and makes no
// assertion; its error ends the watch and fails the mutation.
func Whenever(ctx context.Context, t *check.T, events watch.Interface, do func(context.Context, watch.Event) error) {
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	Mend(ctx, t, func(context.Context) {
		stop()
		t.Expect(<-ended).To(gomega.Succeed(), "what is done beside the checks")
	})
	go func() { ended <- follow(ctx, events, do) }()
}

// follow calls do for each event until ctx ends.
func follow(ctx context.Context, events watch.Interface, do func(context.Context, watch.Event) error) error {
	defer events.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case event, open := <-events.ResultChan():
			if ctx.Err() != nil {
				return nil
			}
			if !open {
				return errWatchEnded
			}
			if err := do(ctx, event); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
}
