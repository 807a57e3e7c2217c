package release

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"

	"istio-conformance/internal/mesh/charts/origin"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// Where releases are published. Source: Istio's upgrade notes for 1.31, "Deprecation
// of GCP infrastructure and hosting", and its blog, "An update on our move to AWS".
const (
	// DefaultCharts is Istio's chart repository, with the charts of all versions.
	DefaultCharts = "https://blob.istio.io/istio-release/charts"
	// RegistryCharts has the same charts in a registry.
	RegistryCharts = "oci://ghcr.io/istio/release/charts"
	// DefaultHub is where Istio's images of a release are.
	DefaultHub = "docker.io/istio"
)

// elsewhereTimeout bounds the question whether another place has what one lacks.
const elsewhereTimeout = 5 * time.Second

// probeChart is the chart whose versions are those of the release.
const probeChart = "base"

// OpenCharts returns where the charts come from; nothing named means DefaultCharts.
func OpenCharts(where string, logf progress.Logf) (origin.Origin, error) {
	return origin.Open(cmp.Or(where, DefaultCharts), logf)
}

// Versions are the releases that a place has, the newest first; nil where its charts
// become the version that is asked for.
func Versions(ctx context.Context, from origin.Origin) ([]string, error) {
	versions, err := from.Versions(ctx, probeChart)
	return versions, foreign(err)
}

// foreign says of a place without Istio's charts what it should have.
func foreign(err error) error {
	var missing *origin.MissingError
	if errors.As(err, &missing) && missing.Version == "" {
		return exitcode.Usagef("CHARTS: %w; want Istio's charts base, cni, gateway, istiod and ztunnel", missing)
	}
	return err
}

// CheckHub refuses a prefix that no image can have, with status exitcode.Usage.
func CheckHub(hub string) error {
	if scheme, rest, found := strings.Cut(hub, "://"); found {
		return exitcode.Usagef("HUB=%s: the name of an image has no %s://; want HUB=%s", hub, scheme, strings.Trim(rest, "/"))
	}
	if _, err := name.NewRepository(strings.Trim(cmp.Or(hub, DefaultHub), "/") + "/pilot"); err != nil {
		return exitcode.Usagef("HUB=%s: want what the names of the images begin with, in small letters and without a tag, such as %s", hub, DefaultHub)
	}
	return nil
}

// Elsewhere names the official places, other than the one that was asked, that have a
// version; empty when none of them says so.
func Elsewhere(ctx context.Context, asked origin.Origin, wanted func(version string) bool) string {
	ctx, cancel := context.WithTimeout(ctx, elsewhereTimeout)
	defer cancel()
	var have []string
	for _, where := range []string{DefaultCharts, RegistryCharts} {
		if where == asked.String() {
			continue
		}
		other, err := origin.Open(where, progress.Discard)
		if err != nil {
			continue // they are constants that tests open
		}
		// A place that cannot be asked has nothing to say here.
		if versions, err := other.Versions(ctx, probeChart); err == nil && slices.ContainsFunc(versions, wanted) {
			have = append(have, where)
		}
	}
	return strings.Join(have, " and ")
}
