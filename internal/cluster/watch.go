package cluster

import (
	"context"
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

// listerClient is what the typed clients of a kind have in common.
type listerClient[L runtime.Object] interface {
	List(ctx context.Context, o metav1.ListOptions) (L, error)
	Watch(ctx context.Context, o metav1.ListOptions) (watch.Interface, error)
}

// listerWatcher lists and watches a kind's objects that the selectors in only choose.
func listerWatcher[L runtime.Object](kube kubernetes.Interface, objects listerClient[L], only metav1.ListOptions) cache.ListerWatcher {
	narrow := func(o metav1.ListOptions) metav1.ListOptions {
		o.LabelSelector, o.FieldSelector = only.LabelSelector, only.FieldSelector
		return o
	}
	return cache.ToListWatcherWithWatchListSemantics(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			return objects.List(ctx, narrow(o))
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			return objects.Watch(ctx, narrow(o))
		},
	}, kube)
}

// await watches objects until pending, which is given all of them, returns "".
// Otherwise pending says what is missing, and the last of these is in the error
// when ctx ends.
func await[T runtime.Object](ctx context.Context, lw cache.ListerWatcher, example T, pending func([]T) string) error {
	started := time.Now()
	last := "the API server has not sent a list yet"
	var store cache.Store
	check := func() bool {
		var objects []T
		for _, item := range store.List() {
			if object, ok := item.(T); ok {
				objects = append(objects, object)
			}
		}
		last = pending(objects)
		return last == ""
	}
	synced := func(s cache.Store) (bool, error) {
		store = s
		return check(), nil
	}
	changed := func(watch.Event) (bool, error) { return check(), nil }
	if _, err := watchtools.UntilWithSync(ctx, lw, example, synced, changed); err != nil {
		waited := time.Since(started).Round(time.Second)
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return fmt.Errorf("%s, after %s: %w", last, waited, err)
	}
	return nil
}
