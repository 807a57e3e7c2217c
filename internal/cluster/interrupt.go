package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	// cleanUpTime bounds what happens after the caller's context has ended.
	cleanUpTime = time.Minute
	// removeEvery is how often the nodes are removed while kind is still
	// creating: a container that it starts after one removal goes in the next.
	removeEvery = 500 * time.Millisecond
)

// interruptible runs create, which cannot be told to stop. When ctx ends it
// calls remove until create gives up for want of nodes, and returns the
// context's cause. Should create still run after cleanUpTime, the error says so.
func interruptible(ctx context.Context, create func() error, remove func(context.Context) error) error {
	var err error // written before done is closed, read after
	done := make(chan struct{})
	go func() {
		defer close(done)
		err = create()
	}()
	select {
	case <-done:
		return err
	case <-ctx.Done():
	}
	cleanUp, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
	defer cancel()
	again := time.NewTicker(removeEvery)
	defer again.Stop()
	for {
		// A removal may fail because kind is just making what it removes; the
		// last word is the caller's removal, after create has returned.
		removed := remove(cleanUp)
		select {
		case <-done: // what kind says about its missing nodes helps nobody
			return context.Cause(ctx)
		case <-again.C:
		case <-cleanUp.Done():
			still := fmt.Errorf("kind is still creating nodes %s after it was stopped", cleanUpTime)
			return errors.Join(context.Cause(ctx), still, removed)
		}
	}
}
