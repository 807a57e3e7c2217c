package mutation

import (
	"context"
	"errors"
	"testing"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/watch"
)

func TestFollow(t *testing.T) {
	g := gomega.NewWithT(t)
	run := func(ctx context.Context, feed func(*watch.FakeWatcher), do func(context.Context, watch.Event) error) error {
		events := watch.NewFakeWithChanSize(2, false)
		feed(events)
		return follow(ctx, events, do)
	}
	broken, seen := errors.New("broken"), 0
	two := func(w *watch.FakeWatcher) { w.Add(nil); w.Delete(nil) }
	g.Expect(run(t.Context(), two, func(context.Context, watch.Event) error { seen++; return broken })).To(gomega.MatchError(broken))
	g.Expect(seen).To(gomega.Equal(1), "events after an error")
	g.Expect(run(t.Context(), (*watch.FakeWatcher).Stop, nil)).To(gomega.MatchError(errWatchEnded))

	ctx, end := context.WithCancel(t.Context())
	g.Expect(run(ctx, two, func(context.Context, watch.Event) error { end(); return broken })).To(gomega.Succeed(), "an error of a mutation that ended")
	g.Expect(run(ctx, two, nil)).To(gomega.Succeed(), "an event after the end")
}
