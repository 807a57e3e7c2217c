package upgrade

import (
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/stack"
)

// twoVersions is a stack with an upgrade and nothing built.
func twoVersions() *stack.Stack {
	s := stack.New(stack.Config{}).Stack
	s.FromCell = istio.Resolved{Pair: istio.Pair{Istio: "1.30.0", Kubernetes: "v1.36.3"}}
	s.Cell = istio.Resolved{Pair: istio.Pair{Istio: "1.31.0", Kubernetes: "v1.36.3"}}
	return s
}
