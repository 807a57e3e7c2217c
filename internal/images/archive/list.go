package archive

import (
	"context"
	"maps"
	"slices"

	"istio-conformance/internal/images"
	"istio-conformance/internal/mesh/istio"
)

// List returns what the archive holds. It loads nothing.
func (s *Source) List(_ context.Context, cell istio.Pair) ([]images.Item, error) {
	m, err := s.manifest()
	if err != nil {
		return nil, err
	}
	if err := m.checkCell(s.path, cell); err != nil {
		return nil, err
	}
	var items []images.Item
	for _, reference := range slices.Sorted(maps.Keys(m.References)) {
		items = append(items, images.Item{Kind: "image", Name: reference, State: "in the archive"})
	}
	for _, name := range slices.Sorted(maps.Keys(m.Set.Charts)) {
		items = append(items, images.Item{Kind: "chart", Name: m.Set.Charts[name], State: "in the archive"})
	}
	return items, nil
}
