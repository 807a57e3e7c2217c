package stack

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"istio-conformance/internal/images"
	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/internal/process/progress"
)

// askFiltersTimeout bounds how long an image may take to say which filters it has. It is
// one program that ends at once, on nodes that are Ready, also on a busy machine.
const askFiltersTimeout = 2 * time.Minute

// MissingFilters returns which of Istio's own filters the proxies lack, as package
// envoy names them: what istiod does not configure here, and no check can ask for.
func (s *Stack) MissingFilters() []string { return s.missingFilters }

// askProxies asks the image of every proxy that the cluster will run which of
// Istio's own filters its Envoy lacks. Where an upgrade brings two, istiod of either
// version configures proxies of both, so that what one lacks counts for all.
func (b *Builder) askProxies(ctx context.Context, logf progress.Logf) error {
	for _, set := range []*images.Set{b.Images, b.From} {
		if set == nil || b.asked[set.Proxy] {
			continue
		}
		started := time.Now()
		printed, err := b.Cluster.RunImage(ctx, set.Proxy, askFiltersTimeout, envoy.ListExtensions...)
		if err != nil {
			return fmt.Errorf("ask the proxy's Envoy for its filters: %w", err)
		}
		extensions, err := envoy.ListedExtensions(printed)
		if err != nil {
			return fmt.Errorf("ask the proxy's Envoy for its filters: image %s: %w", set.Proxy, err)
		}
		b.learnFilters(set.Proxy, envoy.MissingFilters(extensions))
		logf("asked Envoy of %s for its filters in %s", set.Proxy, time.Since(started).Round(100*time.Millisecond))
	}
	for _, note := range b.filterNotes {
		logf("%s", note)
	}
	return nil
}

// learnFilters notes which of Istio's own filters the Envoy of an image lacks.
func (b *Builder) learnFilters(image string, missing []string) {
	if b.asked == nil {
		b.asked = map[string]bool{}
	}
	b.asked[image] = true
	for _, filter := range missing {
		if !slices.Contains(b.missingFilters, filter) {
			b.missingFilters = append(b.missingFilters, filter)
		}
	}
	if len(missing) > 0 {
		b.filterNotes = append(b.filterNotes, fmt.Sprintf("Envoy of %s lacks these of Istio's own filters: %s; istiod is configured not to use them", image, strings.Join(missing, ", ")))
	}
}
