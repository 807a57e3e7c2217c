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
func (s *Stack) observeKubernetes(ctx context.Context) error {
	server, err := s.Cluster.ServerVersion(ctx)
	if err != nil {
		return exitcode.Environmentf("cluster %s: %w", s.Cluster.Name, err)
	}
	if server == s.Cell.Kubernetes {
		return nil
	}
	planned := s.Cell.Kubernetes
	s.plannedKubernetes, s.Cell.Kubernetes = planned, server
	s.warnings = append(s.warnings, fmt.Sprintf("the API server is Kubernetes %s, not %s as planned: the node image %s brings it", server, planned, s.Images.Node))
	table, err := istio.Load()
	if err != nil {
		return err
	}
	if err := table.Check(s.Cell.Pair, s.Config.Force); err != nil {
		return exitcode.Environmentf("the node image %s brings Kubernetes %s: %w", s.Images.Node, server, err)
	}
	return s.judgeSupport(table)
}
