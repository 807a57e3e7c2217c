// Package guest tries the judgement about kernels on a real one whose modules can
// be taken away: Debian's kernel for clouds, in an emulated machine. One boot takes
// many cases, since a module that is not loaded can be hidden and comes back.
package guest

import "strings"

// Tools says which iptables a case has.
type Tools string

// The tools: a node has the one or the other backend of iptables, or both. nft
// itself is always there.
const (
	BothTools  Tools = "both"
	LegacyOnly Tools = "legacy"
	NFTOnly    Tools = "nft"
)

// Case is one state of the machine, and what is to be said about it.
type Case struct {
	Name string
	// Hide are the modules that the kernel does not have.
	Hide []string
	// Tools are the iptables there; empty means BothTools.
	Tools Tools
	// For is what the machine shall carry, as the flag --for takes it; empty means
	// everything.
	For string
	// Sysctls are set by their path below /proc/sys before the case.
	Sysctls map[string]string
	// NoBoot leaves out the loading of the operator's modules at boot.
	NoBoot bool
	// Fix lets the command load them, and judges what is there afterwards.
	Fix bool
	// Red are the requirements and settings that must fail, and no others.
	Red []string
}

// Cases are all cases, beginning with a machine that has everything.
func Cases() []Case {
	cases := []Case{
		{Name: "everything is there"},
		{Name: "everything is there, legacy iptables only", Tools: LegacyOnly},
		{Name: "everything is there, nft iptables only", Tools: NFTOnly},
	}
	for _, module := range []string{"nf_nat", "nf_conntrack", "xt_REDIRECT", "xt_owner", "nf_tables"} {
		cases = append(cases, Case{Name: "without " + module, Hide: []string{module}, Red: []string{module}})
	}
	// With one backend it takes half the time, and says the same about these.
	for _, module := range []string{
		"overlay", "br_netfilter", "xt_conntrack", "xt_multiport", "xt_connmark", "xt_TPROXY", "nf_tproxy_ipv4", "nf_tproxy_ipv6", "xt_CT",
		"ip_set", "ip_set_hash_ip", "xt_set", "nft_chain_nat", "nft_compat", "nft_redir", "nft_ct", "nft_tproxy", "nft_nat",
	} {
		cases = append(cases, Case{Name: "nft iptables without " + module, Hide: []string{module}, Tools: NFTOnly, Red: []string{module}})
	}
	// What the nft backend does itself is missed with the legacy one only.
	for _, module := range []string{
		"iptable_nat", "iptable_mangle", "iptable_filter", "iptable_raw", "ip6table_nat", "ip6table_mangle", "ip6table_filter", "ip6table_raw", "xt_tcpudp", "xt_mark",
	} {
		cases = append(cases, Case{Name: "legacy iptables without " + module, Hide: []string{module}, Tools: LegacyOnly, Red: []string{module}})
	}
	legacyTables := strings.Fields("ip_tables iptable_nat iptable_mangle iptable_filter iptable_raw ip6_tables ip6table_nat ip6table_mangle ip6table_filter ip6table_raw")
	return append(cases,
		Case{Name: "no legacy tables, iptables uses nft", Hide: legacyTables},
		Case{Name: "no nf_tables, sidecars use legacy", Hide: []string{"nf_tables", "nft_compat", "nft_chain_nat"}, For: "sidecar,gateway"},
		Case{Name: "without xt_TPROXY, which nothing uses", Hide: []string{"xt_TPROXY"}, For: "sidecar,gateway"},
		Case{Name: "without ip6table_nat, pods on IPv4", Hide: []string{"ip6table_nat"}, Tools: LegacyOnly, For: "sidecar,gateway"},
		Case{Name: "gateways only, without xt_owner", Hide: []string{"xt_owner"}, For: "gateway"},
		Case{Name: "nothing loaded at boot", NoBoot: true, Red: []string{"br_netfilter"}},
		Case{Name: "packets are not forwarded", Sysctls: map[string]string{"net/ipv4/ip_forward": "0"}, Red: []string{"ip-forward"}},
		Case{Name: "bridged packets pass no rules", Sysctls: map[string]string{"net/bridge/bridge-nf-call-iptables": "0"}, Red: []string{"bridge-nf-call-iptables"}},
		Case{Name: "few inotify instances", Sysctls: map[string]string{"fs/inotify/max_user_instances": "4"}, Red: []string{"inotify"}},
		Case{Name: "nothing loaded at boot, then --fix --yes", NoBoot: true, Fix: true},
	)
}

// Result is what the machine says about a case.
type Result struct {
	Case    string            `json:"case"`
	Seconds float64           `json:"seconds"`
	Verdict string            `json:"verdict"`
	Backend string            `json:"backend"`
	Status  map[string]string `json:"status"`
	Reason  map[string]string `json:"reason"`
	// Problem says why the case could not be made.
	Problem string `json:"problem,omitempty"`
	// Printed is what the command printed besides the report.
	Printed string `json:"printed,omitempty"`
}

// Red returns the names of what fails, with the status "failed".
func (r *Result) Red() []string {
	red := []string{}
	for name, status := range r.Status {
		if status == "failed" {
			red = append(red, name)
		}
	}
	return red
}
