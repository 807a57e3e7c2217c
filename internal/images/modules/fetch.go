package modules

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"istio-conformance/internal/exitcode"
	"istio-conformance/internal/images/artifact"
	"istio-conformance/internal/progress"
)

// build makes one cell.
type build struct {
	plan     *plan
	store    *artifact.Store
	logf     progress.Logf
	cacheDir string

	mu     sync.Mutex
	atWork []string // names of what is being made now
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
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return b.compileAll(ctx, parts) })
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
	var parts []part
	if b.store.Has(b.plan.cellID) {
		return nil
	}
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
	fill := p.make
	if p.module != nil {
		fill = func(ctx context.Context, dir string) error { return p.module.Build(ctx, dir, nil) }
	}
	return b.ensure(ctx, p.id, p.done, fill)
}

func (b *build) ensure(ctx context.Context, id artifact.ID, done string, fill func(context.Context, string) error) (string, error) {
	return b.store.Ensure(ctx, id, func(ctx context.Context, dir string) error {
		started := time.Now()
		b.logf("making %s", b.begin(id.Name))
		err := fill(ctx, dir)
		others := b.end(id.Name)
		if err != nil {
			return fmt.Errorf("%s: %w", id.Name, err)
		}
		b.logf("%s %s in %s%s", done, id.Name, since(started), others)
		return nil
	})
}

// begin notes that something is being made and returns all that is.
func (b *build) begin(name string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.atWork = append(b.atWork, name)
	return strings.Join(b.atWork, ", ")
}

// end notes that something is made, or failed, and returns what is left, as an
// addition to a line.
func (b *build) end(name string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.atWork = slices.DeleteFunc(b.atWork, func(n string) bool { return n == name })
	if len(b.atWork) == 0 {
		return ""
	}
	return "; still making " + strings.Join(b.atWork, ", ")
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
