package modules

import (
	"context"
	"fmt"
	"sync"

	"golang.org/x/sync/errgroup"

	"istio-conformance/internal/process/gobuild"
)

// compilation is one part that is to be compiled.
type compilation struct {
	part
	// listed is closed once packages, or err, is there.
	listed   chan struct{}
	packages []gobuild.Package
	err      error
}

// compileAll compiles those of the parts that are compiled, one after the other: two go
// commands at a time would both compile what both need. Links overlap with what
// is compiled next, since a link uses one processor most of the time, and the
// modules of all are fetched ahead.
func (b *build) compileAll(ctx context.Context, parts []part) error {
	var all []*compilation
	for _, p := range parts {
		if p.module != nil {
			all = append(all, &compilation{part: p, listed: make(chan struct{})})
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		for _, c := range all {
			c.packages, c.err = c.module.List(ctx)
			close(c.listed)
			b.work.list(c.id.Name, c.packages)
			if c.err != nil {
				return fmt.Errorf("%s: %w", c.id.Name, c.err)
			}
		}
		return nil
	})
	turn := make(chan struct{}, 1)
	for _, c := range all {
		select {
		case turn <- struct{}{}:
		case <-ctx.Done():
			return group.Wait()
		}
		group.Go(func() error { return b.compile(ctx, c, sync.OnceFunc(func() { <-turn })) })
	}
	return group.Wait()
}

// compile makes one part and calls done as soon as nothing is left but to link.
func (b *build) compile(ctx context.Context, c *compilation, done func()) error {
	defer done()
	select {
	case <-c.listed:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if c.err != nil {
		return nil // Who listed them says so.
	}
	programs := map[string]bool{}
	for _, p := range c.packages {
		if p.Program && p.Stale {
			programs[p.Path] = true
		}
	}
	_, err := b.ensure(ctx, c.id, c.part.done, func(ctx context.Context, dir string) error {
		b.work.begin(c.id.Name)
		return c.module.Build(ctx, dir, func(pkg string) {
			b.work.compiling(c.id.Name, pkg)
			delete(programs, pkg)
			if len(programs) == 0 {
				done()
			}
		})
	})
	return err
}
