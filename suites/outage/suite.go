// Package outage takes away, one at a time, what Istio stands on or a part of Istio
// itself, while traffic runs: the API server, etcd, a kubelet, a node, CoreDNS, istiod, a
// gateway's memory. It says what is lost meanwhile and how soon new configuration reaches
// the gateway again; see docs/outage.md. Only clusters that the harness made are touched.
package outage

import (
	"slices"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var (
	// kubernetes are the outages of what Istio depends on.
	kubernetes kit.Checks
	// istiod are the outages of the control plane while it is needed.
	istiod kit.Checks
	// ca are the changes of the mesh's certificate authority.
	ca kit.Checks
	// resources are what a node or a pod runs out of, and a node that is lost.
	resources kit.Checks
)

// features are what is taken away.
var features = []kit.Feature{
	{Name: "kubernetes", Checks: &kubernetes},
	{Name: "istiod", Checks: &istiod},
	{Name: "ca", Checks: &ca},
}

// rarer are taken away where every outage is asked for.
var rarer = []kit.Feature{{Name: "resources", Checks: &resources}}

// Suite returns the outages. They follow each other: each leaves the cluster as the next
// one wants to find it.
// wide adds those that take longer, or harm more.
func Suite(s *stack.Stack, wide bool) check.Suite {
	asked := features
	if wide {
		asked = slices.Concat(features, rarer)
	}
	return kit.Suite(s, "outage", (*stack.Stack).WhyNotOurs, asked)
}
