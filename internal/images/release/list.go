package release

import (
	"context"
	"errors"
	"path/filepath"

	"istio-conformance/internal/images"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/artifact"
)

// List returns what the cell takes from the registries and the chart
// repository, for mirrors. It fetches the charts, which name the images, and
// nothing else.
func (s *Source) List(ctx context.Context, cell istio.Pair) (items []images.Item, err error) {
	store, err := artifact.Open(filepath.Join(s.options.CacheDir, "artifacts"), s.options.Logf)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, store.Close()) }()
	set, err := s.withCharts(ctx, store, cell)
	if err != nil {
		return nil, err
	}
	items = []images.Item{{Kind: "image", Name: s.options.Nodes[cell.Kubernetes], State: "from its registry"}}
	for _, ref := range set.Load {
		items = append(items, images.Item{Kind: "image", Name: ref, State: "from its registry"})
	}
	for _, name := range images.ChartNames {
		items = append(items, images.Item{Kind: "chart", Name: name + " " + cell.Istio, State: "from " + s.options.Charts.String()})
	}
	return append(items, images.Item{Kind: "image", Name: "backend", State: "built here from images/backend"}), nil
}
