package release

import (
	"context"

	"istio-conformance/internal/images"
)

// List returns what the cell takes from the registries and the chart
// repository, for mirrors. It fetches nothing.
func (s *Source) List(_ context.Context, cell images.Cell) ([]images.Item, error) {
	items := []images.Item{{Kind: "image", Name: s.options.Nodes[cell.Kubernetes], State: "from its registry"}}
	for _, name := range istioImages {
		items = append(items, images.Item{Kind: "image", Name: s.options.Hub + "/" + name + ":" + cell.Istio, State: "from its registry"})
	}
	for _, name := range images.ChartNames {
		items = append(items, images.Item{Kind: "chart", Name: name + " " + cell.Istio, State: "from " + s.options.Charts.String()})
	}
	return append(items, images.Item{Kind: "image", Name: "backend", State: "built here from images/backend"}), nil
}
