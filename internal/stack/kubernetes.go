package stack

import (
	"context"
	"fmt"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
)

// observeKubernetes takes the version that the API server reports for the one under
// test. A node image that the user names may bring another one than was planned:
// that is said, and refused where Istio does not support it.
func (b *Builder) observeKubernetes(ctx context.Context) error {
	server, err := b.Cluster.ServerVersion(ctx)
	if err != nil {
		return exitcode.Environmentf("cluster %s: %w", b.Cluster.Name, err)
	}
	if server == b.Cell.Kubernetes {
		return nil
	}
	planned := b.Cell.Kubernetes
	b.plannedKubernetes, b.Cell.Kubernetes = planned, server
	b.warnings = append(b.warnings, fmt.Sprintf("the API server is Kubernetes %s, not %s as planned: the node image %s brings it", server, planned, b.Images.Node))
	table, err := istio.Load()
	if err != nil {
		return err
	}
	if err := table.Check(b.Cell.Pair, b.config.Force); err != nil {
		return exitcode.Environmentf("the node image %s brings Kubernetes %s: %w", b.Images.Node, server, err)
	}
	return b.judgeSupport(table)
}
