package engine

import (
	"context"
	"os"
	"os/exec"
	"strings"

	"istio-conformance/internal/process/command"
	"istio-conformance/internal/process/exitcode"
)

// checkForward refuses a machine whose firewall drops packets between podman's
// nodes. A Docker engine makes dropping the policy of FORWARD when it starts, and lets
// bridged packets pass the firewall too (net.bridge.bridge-nf-call-iptables); podman's
// own rules accept those of nodes, not those of the pods in them. Pods on two nodes
// could then never reach each other, and Istio would be blamed.
// Source: https://docs.docker.com/engine/network/packet-filtering-firewalls/.
func checkForward(ctx context.Context) error {
	bridged, err := os.ReadFile(sysctlPath("bridge/bridge-nf-call-iptables"))
	if err != nil || strings.TrimSpace(string(bridged)) != "1" {
		return nil //nolint:nilerr // without br_netfilter no bridged packet passes the firewall
	}
	if _, err := exec.LookPath("iptables"); err != nil || os.Geteuid() != 0 {
		return nil //nolint:nilerr // it cannot be asked
	}
	rules, err := command.Output(ctx, "iptables", "--list-rules", "FORWARD")
	if err != nil {
		return exitcode.Environmentf("read the firewall's rules: %w", err)
	}
	if dropsForwarded(rules) {
		return exitcode.Environmentf("the firewall drops packets between podman's nodes (iptables: policy DROP of chain FORWARD, as a Docker engine sets it, and bridge-nf-call-iptables is 1): " +
			"stop Docker, or run: iptables -P FORWARD ACCEPT")
	}
	return nil
}

// dropsForwarded reads what iptables prints of chain FORWARD. Rules that accept all
// are as good as a policy.
func dropsForwarded(rules string) bool {
	drops := false
	for line := range strings.Lines(rules) {
		switch strings.TrimSpace(line) {
		case "-P FORWARD DROP", "-P FORWARD REJECT":
			drops = true
		case "-A FORWARD -j ACCEPT":
			return false
		}
	}
	return drops
}
