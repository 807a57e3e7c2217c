// Package published reads what Istio's and kind's projects publish of their
// versions: the table of supported releases, and the node images of a release of kind.
package published

import (
	"context"
	"regexp"
	"slices"
	"strings"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/fetch"
)

// NodesURL is where a release of kind lists the node images that are made for it.
func NodesURL(kind string) string {
	return "https://github.com/kubernetes-sigs/kind/releases/tag/" + kind
}

// nodesHeading comes before the list in the notes of a release of kind.
const nodesHeading = "Images pre-built for this release"

var nodeImage = regexp.MustCompile(`kindest/node:(v\d+\.\d+\.\d+)@sha256:[0-9a-f]{64}`)

// Nodes returns the node images in the notes of a release of kind, the newest
// Kubernetes first. Only these are supported by it.
func Nodes(ctx context.Context, client *fetch.Client, from string) ([]istio.Node, error) {
	body, err := client.Get(ctx, from)
	if err != nil {
		return nil, exitcode.Environmentf("kind's list of node images, %s: %s", from, fetch.Reason(err))
	}
	_, list, found := strings.Cut(string(body), nodesHeading)
	if !found {
		return nil, exitcode.Environmentf("kind's list of node images, %s: it has no heading %q", from, nodesHeading)
	}
	var nodes []istio.Node
	for _, match := range nodeImage.FindAllStringSubmatch(list, -1) {
		v, err := istio.ParseVersion(match[1])
		if err != nil {
			return nil, exitcode.Environmentf("kind's list of node images, %s: %w", from, err)
		}
		if !slices.ContainsFunc(nodes, func(n istio.Node) bool { return n.Version == v }) {
			nodes = append(nodes, istio.Node{Version: v, Image: match[0], Source: from})
		}
	}
	if len(nodes) == 0 {
		return nil, exitcode.Environmentf("kind's list of node images, %s: it names none", from)
	}
	slices.SortFunc(nodes, func(a, b istio.Node) int { return istio.Compare(b.Version, a.Version) })
	return nodes, nil
}
