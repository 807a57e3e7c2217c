// Package kernel says whether a kernel can carry Istio: which modules are there
// and by what evidence, and whether the rules that Istio writes are accepted.
package kernel

// Requirement is a kernel module that a deployment of Istio asks for.
type Requirement struct {
	// Module is the name that modprobe takes.
	Module string
	// Config is the kernel's build option: y builds the module in, m makes it loadable.
	Config string
	// NeededBy names the part of the deployment that breaks without it.
	NeededBy string
	// Symptom is the message that users meet when it is missing.
	Symptom string
	// Probe is the name of the functional probe that needs it.
	Probe string
	// Link leads to Istio's documentation or to a report of the symptom.
	Link string
}

const (
	requirementsPage = "https://istio.io/latest/docs/ops/deployment/platform-requirements/"
	missingTable     = "https://github.com/istio/istio/issues/23009"
	missingTarget    = "https://github.com/istio/istio/issues/13986"
)

// Requirements are the eight modules that an operator of Istio loads at boot,
// with their build options from the kernel's Kconfig files.
func Requirements() []Requirement {
	return []Requirement{
		{"overlay", "CONFIG_OVERLAY_FS", "the container runtime's snapshots",
			"failed to mount overlay: no such device", "overlay-mount", "https://kubernetes.io/docs/setup/production-environment/container-runtimes/"},
		{"br_netfilter", "CONFIG_BRIDGE_NETFILTER", "kube-proxy's rules for bridged pod traffic",
			"/proc/sys/net/bridge/bridge-nf-call-iptables: no such file or directory", "bridge-sysctl", requirementsPage},
		{"nf_nat", "CONFIG_NF_NAT", "every redirection of traffic to the sidecar",
			"iptables-restore: unable to initialize table 'nat'", "nat-redirect", missingTable},
		{"xt_REDIRECT", "CONFIG_NETFILTER_XT_TARGET_REDIRECT", "the sidecar's init container and the CNI plugin",
			"iptables: No chain/target/match by that name", "nat-redirect", missingTarget},
		{"xt_owner", "CONFIG_NETFILTER_XT_MATCH_OWNER", "keeping the proxy's own traffic (uid 1337) out of the redirection",
			"iptables: No chain/target/match by that name", "owner-match", missingTarget},
		{"iptable_nat", "CONFIG_IP_NF_NAT", "redirection where iptables is the legacy backend",
			"iptables-restore: unable to initialize table 'nat'", "nat-redirect", missingTable},
		{"iptable_mangle", "CONFIG_IP_NF_MANGLE", "interception mode TPROXY where iptables is the legacy backend",
			"can't initialize iptables table `mangle'", "mangle-mark", requirementsPage},
		{"iptable_filter", "CONFIG_IP_NF_FILTER", "network policies and kube-proxy where iptables is the legacy backend",
			"can't initialize iptables table `filter'", "filter-accept", requirementsPage},
	}
}
