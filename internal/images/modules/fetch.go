package modules

import (
	"context"
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"istio-conformance/internal/process/artifact"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// build makes one cell.
type build struct {
	plan     *plan
	store    *artifact.Store
	logf     progress.Logf
	cacheDir string
	// work is how far the parts are that were missing.
	work *work
}

// newBuild returns the build of a plan.
func newBuild(p *plan, store *artifact.Store, logf progress.Logf, cacheDir string) *build {
	return &build{plan: p, store: store, logf: logf, cacheDir: cacheDir, work: newWork(nil, 1, time.Now)}
}

// fetchParts makes every part that the missing results need, at the same time
// where that helps.
func (b *build) fetchParts(ctx context.Context) error {
	return b.fetchAll(ctx, b.missing())
}

// fetchAll makes parts, at the same time where that helps.
func (b *build) fetchAll(ctx context.Context, parts []part) error {
	if len(parts) == 0 {
		return nil
	}
	if err := checkSpace(ctx, b.cacheDir, compiles(parts)); err != nil {
		return err
	}
	if err := ensureTools(ctx, b.needsTools(parts), b.logf); err != nil {
		return err
	}
	missing := slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return b.store.Has(p.id) })
	if len(missing) > 0 {
		b.work = newWork(missing, runtime.NumCPU(), time.Now)
		b.logf("%s", b.work.plan())
		defer progress.Show(ctx, b.work.gauge)()
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return b.compileAll(ctx, missing) })
	for _, p := range parts {
		if p.module == nil {
			group.Go(func() error { return b.fetch(ctx, p) })
		}
	}
	return group.Wait()
}

// missing returns the parts that the missing results are made from. Those that
// are there already are among them: fetching keeps them from being pruned.
func (b *build) missing() []part {
	if b.store.Has(b.plan.cellID) {
		return nil
	}
	return b.needed()
}

// needed returns the parts that the images of a cell are made from, without those of a
// node that is there.
func (b *build) needed() []part {
	var parts []part
	if !b.store.Has(b.plan.nodeID) {
		parts = b.plan.nodeParts()
	}
	seen := map[artifact.ID]bool{}
	for _, p := range parts {
		seen[p.id] = true
	}
	for i, p := range b.plan.istioParts() {
		if seen[p.id] {
			continue
		}
		if i == 0 && len(parts) > 0 {
			// Its links are long too: what is compiled after it overlaps with them.
			parts = append([]part{parts[0], p}, parts[1:]...)
			continue
		}
		parts = append(parts, p)
	}
	return parts
}

// fetch makes one part.
func (b *build) fetch(ctx context.Context, p part) error {
	_, err := b.dir(ctx, p)
	return err
}

// dir returns the directory of a part, which is made when missing.
func (b *build) dir(ctx context.Context, p part) (string, error) {
	return b.ensure(ctx, p.id, p.done, func(ctx context.Context, dir string) error {
		if p.module != nil {
			return p.module.Build(ctx, dir, nil)
		}
		return inScratch(func(scratch string) error {
			b.work.begin(p.id.Name, dir, scratch)
			return p.make(ctx, dir, scratch)
		})
	})
}

// ensure returns the directory of an artifact, which is made when missing, and
// says how long that took.
func (b *build) ensure(ctx context.Context, id artifact.ID, done string, fill func(context.Context, string) error) (string, error) {
	defer b.work.end(id.Name)
	return b.store.Ensure(ctx, id, func(ctx context.Context, dir string) error {
		started := time.Now()
		if err := fill(ctx, dir); err != nil {
			return fmt.Errorf("%s: %w", id.Name, err)
		}
		b.logf("%s %s in %s", done, id.Name, since(started))
		return nil
	})
}

// compiles reports whether one of the parts is compiled.
func compiles(parts []part) bool {
	return slices.ContainsFunc(parts, func(p part) bool { return p.module != nil })
}

// unreachable matches what apt and pip say when they cannot fetch.
var unreachable = regexp.MustCompile(`(?m)^.*(Temporary failure resolving|Could not resolve|Could not connect|Unable to connect|Failed to fetch|Network is unreachable|Failed to establish a new connection|No matching distribution found|Connection timed out).*$`)

// explain turns a failed fetch into one line that says what was not fetched.
func explain(what string, err error) error {
	if line := unreachable.FindString(err.Error()); line != "" {
		return exitcode.Environmentf("cannot fetch %s: %s; check the network, or use an archive saved on another machine", what, strings.TrimSpace(line))
	}
	return fmt.Errorf("fetch %s: %w", what, err)
}
