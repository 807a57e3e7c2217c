// Package redirection checks the rules by which a pod's traffic comes to its proxy, where
// nft writes them itself: global.nativeNftables.
package redirection

import (
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// link is where Istio's project describes the rules.
const link = "https://github.com/istio/istio/blob/master/tools/istio-nftables/pkg/README.md"

// Checks are the checks of this feature. They change istiod's values and look at whole
// nodes, and so run alone.
var Checks = kit.Checks{SkipIf: why}

// why says why there is nothing to check here; empty where there is.
func why(s *stack.Stack) string {
	if reason := s.WhyNotOurs(); reason != "" {
		return reason
	}
	if !s.NativeNftables() {
		return "Istio is installed without global.nativeNftables; INSTALLATION=fixtures/installations/nftables.yaml has it, with chart cni nftables-cni.yaml"
	}
	return ""
}
