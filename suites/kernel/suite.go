// Package kernel checks that the kernel below every node can carry Istio.
package kernel

import (
	"context"
	"fmt"
	"sync"

	"istio-conformance/internal/check"
	"istio-conformance/internal/kernel"
	"istio-conformance/internal/stack"
)

// Suite returns the kernel checks for the nodes of a cluster.
func Suite(s *stack.Stack) check.Suite {
	surveys := &surveys{stack: s}
	suite := check.Suite{Name: "kernel"}
	for _, r := range kernel.Requirements() {
		suite.Checks = append(suite.Checks, module(surveys, r))
	}
	suite.Checks = append(suite.Checks, natRedirect(s))
	for i := range suite.Checks {
		suite.Checks[i].SkipIf = s.WhyNotOurs
	}
	return suite
}

// survey is what one node says about its kernel.
type survey struct {
	facts  kernel.Facts
	probes kernel.Probes
}

// surveys asks every node once, and all checks look at the answers.
type surveys struct {
	stack *stack.Stack
	once  sync.Once
	nodes map[string]survey
	err   error
}

func (s *surveys) get(ctx context.Context) (map[string]survey, error) {
	s.once.Do(func() {
		var mu sync.Mutex
		s.nodes = map[string]survey{}
		s.err = s.stack.OnEachNode(func(node string) error {
			found, err := ask(ctx, s.stack, node)
			mu.Lock()
			defer mu.Unlock()
			s.nodes[node] = found
			return err
		})
	})
	return s.nodes, s.err
}

func ask(ctx context.Context, s *stack.Stack, node string) (survey, error) {
	output, err := s.Cluster.Exec(ctx, node, kernel.GatherScript)
	if err != nil {
		return survey{}, fmt.Errorf("read the kernel's facts on node %s: %w", node, err)
	}
	facts, err := kernel.ParseFacts(output)
	if err != nil {
		return survey{}, fmt.Errorf("node %s: %w", node, err)
	}
	if output, err = s.Cluster.Exec(ctx, node, kernel.ProbeScript); err != nil {
		return survey{}, fmt.Errorf("probe the kernel on node %s: %w", node, err)
	}
	probes, err := kernel.ParseProbes(output)
	if err != nil {
		return survey{}, fmt.Errorf("node %s: %w", node, err)
	}
	return survey{facts: facts, probes: probes}, nil
}
