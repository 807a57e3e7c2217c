package published

import (
	"context"
	"strings"

	"sigs.k8s.io/yaml"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/fetch"
)

// SupportURL is the data behind https://istio.io/latest/docs/releases/supported-releases/.
const SupportURL = "https://raw.githubusercontent.com/istio/istio.io/master/data/compatibility/supportStatus.yml"

// Support is a row of Istio's table of supported releases.
type Support struct {
	Minor istio.Version
	// Supported says whether the project supports the minor today.
	Supported bool
	// Released and EndOfLife are dates as the table writes them.
	Released, EndOfLife string
	// Kubernetes is what the minor supports, Tested what it is tested with and does
	// not support.
	Kubernetes, Tested istio.Range
}

// supportRow is the table's own format.
type supportRow struct {
	Version     string          `json:"version"`
	Supported   string          `json:"supported"`
	ReleaseDate string          `json:"releaseDate"`
	EOLDate     string          `json:"eolDate"`
	Kubernetes  []istio.Version `json:"k8sVersions"`
	Tested      []istio.Version `json:"testedK8sVersions"`
}

// Supports returns the rows of the minors; the one of the branch that is worked on is
// left out.
func Supports(ctx context.Context, client *fetch.Client, from string) ([]Support, error) {
	body, err := client.Get(ctx, from)
	if err != nil {
		return nil, exitcode.Environmentf("Istio's table of supported releases, %s: %s", from, fetch.Reason(err))
	}
	var rows []supportRow
	if err := yaml.Unmarshal(body, &rows); err != nil {
		return nil, exitcode.Environmentf("Istio's table of supported releases, %s: %w", from, err)
	}
	var all []Support
	for _, row := range rows {
		minor, err := istio.ParseVersion(row.Version)
		if err != nil {
			continue // "master"
		}
		all = append(all, Support{
			Minor: minor, Supported: strings.HasPrefix(row.Supported, "Yes"), Released: row.ReleaseDate, EndOfLife: row.EOLDate,
			Kubernetes: istio.RangeOf(row.Kubernetes), Tested: istio.RangeOf(row.Tested),
		})
	}
	if len(all) == 0 {
		return nil, exitcode.Environmentf("Istio's table of supported releases, %s: it has no row", from)
	}
	return all, nil
}
