package kit

import (
	"cmp"
	"context"
	"fmt"

	"helm.sh/helm/v3/pkg/release"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"istio-conformance/internal/stack"
)

// ProxyImage is the image that new sidecars and gateways should have, by the
// values of the istiod release.
func ProxyImage(ctx context.Context, s *stack.Stack) (string, error) {
	return istioImage(ctx, s, cmp.Or(releaseValue(ctx, s, "global", "proxy", "image"), "proxyv2"))
}

// IstiodImage is the image that istiod should have.
func IstiodImage(ctx context.Context, s *stack.Stack) (string, error) {
	return istioImage(ctx, s, cmp.Or(releaseValue(ctx, s, "image"), "pilot"))
}

func istioImage(ctx context.Context, s *stack.Stack, name string) (string, error) {
	hub, tag := releaseValue(ctx, s, "global", "hub"), releaseValue(ctx, s, "global", "tag")
	if hub == "" || tag == "" {
		return "", fmt.Errorf("the istiod release says neither hub nor tag: hub %q, tag %q", hub, tag)
	}
	image := hub + "/" + name + ":" + tag
	if variant := releaseValue(ctx, s, "global", "variant"); variant != "" && variant != "debug" {
		image += "-" + variant
	}
	return image, nil
}

// releaseValue returns a value of the istiod release as text: the user's, or the
// chart's own; empty if neither has it.
func releaseValue(ctx context.Context, s *stack.Stack, path ...string) string {
	istiod, err := istiodRelease(ctx, s)
	if err != nil {
		return ""
	}
	// Charts since 1.20 keep their defaults below a key of their own.
	defaults, _, _ := unstructured.NestedMap(istiod.Chart.Values, "_internal_defaults_do_not_set")
	for _, values := range []map[string]any{istiod.Config, defaults, istiod.Chart.Values} {
		if value, found, err := unstructured.NestedFieldNoCopy(values, path...); err == nil && found && value != nil && fmt.Sprint(value) != "" {
			return fmt.Sprint(value)
		}
	}
	return ""
}

func istiodRelease(ctx context.Context, s *stack.Stack) (*release.Release, error) {
	for _, r := range s.Releases {
		found, err := s.Helm.Get(ctx, r.Namespace, r.Name)
		if err != nil {
			return nil, err
		}
		if found.Chart.Metadata.Name == "istiod" {
			return found, nil
		}
	}
	return nil, fmt.Errorf("none of the releases %v is of chart istiod", s.Releases)
}
