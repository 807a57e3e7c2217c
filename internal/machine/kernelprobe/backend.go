package kernelprobe

import (
	"strings"

	"istio-conformance/internal/machine/kernelprobe/probes"
)

// The stacks in the names of probes that stand for the backend that Istio chooses.
const (
	iptablesStack  = "iptables/"
	ip6tablesStack = "ip6tables/"
)

// chooseBackend returns the backend of iptables that Istio would choose in a new
// pod, where no rules are yet: nft when its nat table takes a rule, else legacy.
// Source: istio.io/istio tools/istio-iptables/pkg/dependencies/implementation_linux.go,
// DetectIptablesVersion. Istio's images have both tools. Where nothing could be
// tried the modules decide; where neither works it is the one that this machine's
// own iptables has. It is empty when there is nothing to go by. The family is "" or
// "6", since Istio chooses for each.
func (j *judge) chooseBackend(family string, present func(modules ...string) bool) Backend {
	nft, legacy := string(NFT)+family, string(Legacy)+family
	_, hasNFT := j.tools[nft]
	_, hasLegacy := j.tools[legacy]
	switch {
	case j.results[nft+"/table-nat"].Status == probes.Works:
		return NFT
	case j.results[legacy+"/table-nat"].Status == probes.Works:
		return Legacy
	case j.obstacle != "" && present("nf_tables", "nft_chain_nat", "nft_compat"):
		return NFT
	case j.obstacle != "" && present("ip"+family+"table_nat"):
		return Legacy
	case hasNFT && !hasLegacy:
		return NFT
	case hasLegacy && !hasNFT:
		return Legacy
	case hasNFT && hasLegacy && j.obstacle == "":
		// Neither works. Without rules of its own Istio ends at plain iptables,
		// which is the nft one on every distribution of the last years.
		return NFT
	}
	return ""
}

// resolve turns "iptables/x" into the name of the chosen backend's probe.
func (j *judge) resolve(probe string) string {
	if name, ok := strings.CutPrefix(probe, iptablesStack); ok {
		return string(j.backend) + "/" + name
	}
	if name, ok := strings.CutPrefix(probe, ip6tablesStack); ok {
		return string(j.backend6) + "6/" + name
	}
	return probe
}

// backendOf is the chosen backend of the requirement's family.
func (j *judge) backendOf(r *Requirement) Backend {
	if r.IPv6 {
		return j.backend6
	}
	return j.backend
}
