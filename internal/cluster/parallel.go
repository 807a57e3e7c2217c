package cluster

import (
	"errors"
	"sync"
)

// onEach calls do for all items at once, waits for all, and joins their errors
// in the order of the items.
func onEach[T any](items []T, do func(T) error) error {
	errs := make([]error, len(items))
	var wg sync.WaitGroup
	for i, item := range items {
		wg.Go(func() { errs[i] = do(item) })
	}
	wg.Wait()
	return errors.Join(errs...)
}
