package probes

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// tables are the tables of iptables that Istio and kube-proxy write to.
var tables = []string{"nat", "filter", "mangle", "raw"}

// rule is a rule that needs one extension of iptables and nothing else, as far as
// that is possible.
type rule struct {
	name string
	// tables are where the rule may stand, the one that Istio uses first. One that
	// works is enough: a table that is missing has a probe of its own.
	tables []string
	chain  string
	args   string
}

// rules are what Istio writes, one extension each.
// Source: istio.io/istio, tools/istio-iptables/pkg/capture/run.go and
// cni/pkg/iptables/iptables.go.
var rules = []rule{
	{"tcp", []string{"nat", "filter", "mangle"}, "OUTPUT", "-p tcp --dport 15008 -j RETURN"},
	{"udp", []string{"nat", "filter", "mangle"}, "OUTPUT", "-p udp --dport 53 -j RETURN"},
	{"redirect", []string{"nat"}, "OUTPUT", "-p tcp -j REDIRECT --to-ports 15001"},
	{"owner-uid", []string{"nat", "filter", "mangle"}, "OUTPUT", "-m owner --uid-owner 1337 -j RETURN"},
	{"owner-gid", []string{"nat", "filter", "mangle"}, "OUTPUT", "-m owner --gid-owner 1337 -j RETURN"},
	{"multiport", []string{"nat", "filter", "mangle"}, "OUTPUT", "-p tcp -m multiport ! --dports 53,15008 -j RETURN"},
	{"conntrack", []string{"mangle", "filter", "nat"}, "OUTPUT", "-m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"},
	{"mark", []string{"mangle", "nat", "filter"}, "OUTPUT", "-m mark --mark 1337 -j RETURN"},
	{"set-mark", []string{"mangle", "filter", "nat"}, "OUTPUT", "-j MARK --set-mark 1337"},
	{"connmark", []string{"mangle", "nat", "filter"}, "OUTPUT", "-m connmark --mark 1337 -j RETURN"},
	{"save-mark", []string{"mangle", "filter", "nat"}, "OUTPUT", "-j CONNMARK --save-mark"},
	{"tproxy", []string{"mangle"}, "PREROUTING", "-p tcp -j TPROXY --tproxy-mark 1337/0xffffffff --on-port 15006"},
	{"ct-zone", []string{"raw"}, "OUTPUT", "-p udp -j CT --zone 1"},
	{"set", []string{"nat", "mangle", "filter"}, "POSTROUTING", "-m set --match-set " + setName + " dst -j ACCEPT"},
}

// setName is the name of the set of addresses that the rule "set" looks at.
const setName = "istio-conformance"

// iptables tries the tables and the rules with one tool and returns the results by
// the probe's name after the slash.
func iptables(ctx context.Context, tool Tool) map[string]Result {
	results := map[string]Result{}
	whole := inSandbox(func(s *sandbox) Result {
		var working []string
		for _, table := range tables {
			// Istio's own question whether a tool can be used: protocol 255 is reserved,
			// so that the rule never matches.
			result := s.try(ctx, "", tool.command(table, "OUTPUT", "-p 255 -j RETURN")...)
			results["table-"+table] = result
			if result.Status == Works {
				working = append(working, table)
			}
		}
		set := createSet(strings.HasSuffix(tool.Name, "6"))
		for _, r := range rules {
			if r.name == "set" && set.Status != Works {
				results[r.name] = cannotTell("there is no set to look at: " + set.Message)
				continue
			}
			results[r.name] = s.tryRule(ctx, tool, r, working)
		}
		return works("")
	})
	if whole.Status != Works {
		for _, name := range probeNames() {
			results[name] = whole
		}
	}
	return results
}

// tryRule writes the rule to the first of its tables that works.
func (s *sandbox) tryRule(ctx context.Context, tool Tool, r rule, working []string) Result {
	i := slices.IndexFunc(r.tables, func(t string) bool { return slices.Contains(working, t) })
	if i < 0 {
		return cannotTell("no table to write to: " + strings.Join(r.tables, ", "))
	}
	return s.try(ctx, "", tool.command(r.tables[i], r.chain, r.args)...)
}

func (t *Tool) command(table, chain, args string) []string {
	command := []string{t.Path, "-w", "5", "-t", table, "-A", chain}
	if t.Name == nft4 || t.Name == nft6 {
		command = slices.Delete(command, 1, 3) // takes no lock
	}
	return append(command, strings.Fields(args)...)
}

// createSet makes the set of addresses that istio-cni keeps for ambient, with a
// comment on its entries. Source: istio.io/istio cni/pkg/ipset/nldeps_linux.go.
func createSet(ipv6 bool) Result {
	options := netlink.IpsetCreateOptions{Comments: true, Replace: true, Family: unix.AF_INET}
	if ipv6 {
		options.Family = unix.AF_INET6
	}
	err := netlink.IpsetCreate(setName, "hash:ip", options)
	if errors.Is(err, unix.EPERM) {
		return cannotTell("create an ipset of type hash:ip: " + err.Error())
	}
	if err != nil {
		return Result{Status: Fails, Message: "create an ipset of type hash:ip with comments: " + err.Error()}
	}
	return works("")
}

// probeNames are the names of what iptables tries.
func probeNames() []string {
	var names []string
	for _, table := range tables {
		names = append(names, "table-"+table)
	}
	for _, r := range rules {
		names = append(names, r.name)
	}
	return names
}
