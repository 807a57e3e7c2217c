// Package matrix runs the checks on many pairs of versions: it plans the cells,
// runs each in a process and on a cluster of its own, goes on where it was
// stopped, and merges what they reported into one grid.
package matrix

import (
	"cmp"
	"fmt"
	"strings"

	"istio-conformance/internal/mesh/istio"
)

// Cell is one pair of versions, or one upgrade on one version of Kubernetes.
type Cell struct {
	istio.Pair
	// From is what is upgraded to Istio; empty means that nothing is.
	From string `json:"from,omitempty"`
	// Helm is the major version of Helm that installs Istio; empty is 3.
	Helm string `json:"helm,omitempty"`
	// Standing is what Istio's project says of the cell, and Why.
	Standing istio.Standing `json:"standing"`
	Why      string         `json:"why"`
	// Optional cells, those of a pre-release, cannot fail the matrix.
	Optional bool `json:"optional,omitempty"`
	// Run says whether the cell is run; one that is refused is run to prove that
	// it is refused, if at all.
	Run bool `json:"run"`
}

// ID is the cell's name in files, clusters and reports.
func (c *Cell) ID() string {
	id := "istio-" + c.Istio + "-kubernetes-" + strings.TrimPrefix(c.Kubernetes, "v")
	if c.From != "" {
		id = "upgrade-" + c.From + "-to-" + c.Istio + "-kubernetes-" + strings.TrimPrefix(c.Kubernetes, "v")
	}
	if c.Helm != "" {
		id += "-helm-" + c.Helm
	}
	return id
}

// Row is how the grid calls what is tested on every Kubernetes.
func (c *Cell) Row() string {
	row := "Istio " + c.Istio
	if c.From != "" {
		row = fmt.Sprintf("upgrade %s to %s", c.From, c.Istio)
	}
	if c.Helm != "" {
		row += " by Helm " + c.Helm
	}
	if c.Optional {
		row += " (pre-release, cannot fail the matrix)"
	}
	return row
}

// Legal says whether the cell is run for what it says of Istio, and not to prove that
// it is refused: Istio supports it, or nobody knows yet.
func (c *Cell) Legal() bool {
	return c.Standing == istio.Supported || c.Standing == istio.Unknown
}

// ClusterName is the cell's cluster. Its nodes' names are host names and must be
// short.
func (c *Cell) ClusterName() string {
	return "matrix-" + strings.NewReplacer("upgrade-", "up-", "istio-", "i", "kubernetes-", "k", "helm-", "h", ".", "-").Replace(c.ID())
}

// Environment is what makes the test binary run the cell.
func (c *Cell) Environment() []string {
	env := []string{"ISTIO=" + c.Istio, "KUBERNETES=" + c.Kubernetes, "NAME=" + c.ClusterName(), "FORCE=0", "KEEP=0", "UPGRADE=0", "MUTATE=0", "HELM=" + cmp.Or(c.Helm, helm3)}
	if c.From != "" {
		env = append(env, "UPGRADE=1", "FROM="+c.From, "TO="+c.Istio)
	}
	return env
}
