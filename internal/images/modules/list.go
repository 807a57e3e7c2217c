package modules

import (
	"context"
	"errors"
	"path/filepath"

	"istio-conformance/internal/images"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/artifact"
	"istio-conformance/internal/process/progress"
)

// List returns the parts that the cell is built from, and whether each is in
// the cache. It builds nothing.
func (s *Source) List(ctx context.Context, cell istio.Pair) (items []images.Item, err error) {
	p, err := newPlan(ctx, s.options.Root, cell)
	if err != nil {
		return nil, err
	}
	store, err := artifact.Open(filepath.Join(s.options.CacheDir, "artifacts"), progress.Discard)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	items = []images.Item{{Kind: "image", Name: p.reference(), State: state(store, p.cellID)}}
	seen := map[artifact.ID]bool{}
	for _, part := range append(p.nodeParts(), p.istioParts()...) {
		if !seen[part.id] {
			seen[part.id] = true
			items = append(items, images.Item{Kind: "part", Name: part.id.String(), State: state(store, part.id)})
		}
	}
	return items, nil
}

func state(store *artifact.Store, id artifact.ID) string {
	if store.Has(id) {
		return "cached"
	}
	return "to be built"
}
