package engine

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// bridgeName matches the bridges that dockerd makes: the default one and one for
// each network, named after the first 12 digits of its id.
// Source: moby libnetwork, drivers/bridge.
var bridgeName = regexp.MustCompile(`^(docker0|br-[0-9a-f]{12})$`)

// isBridge says whether an interface has the name of a bridge of dockerd.
func isBridge(link string) bool { return bridgeName.MatchString(link) }

// table is one table of the output of iptables-save.
type table struct {
	policies map[string]string // by chain; "-" for a chain that is not built in
	chains   []string          // in their order
	rules    []string          // "CHAIN MATCHES -j TARGET", in their order
}

// parseRules reads the output of iptables-save, by the tables' names.
// Source: iptables-save(8).
func parseRules(saved string) map[string]table {
	tables := map[string]table{}
	var name string
	for line := range strings.Lines(saved) {
		line = strings.TrimSpace(line)
		current := tables[name]
		switch {
		case strings.HasPrefix(line, "*"):
			name = line[1:]
			current = table{policies: map[string]string{}}
		case strings.HasPrefix(line, ":"):
			if fields := strings.Fields(line[1:]); len(fields) >= 2 {
				current.chains = append(current.chains, fields[0])
				current.policies[fields[0]] = fields[1]
			}
		case strings.HasPrefix(line, "-A "):
			current.rules = append(current.rules, line[len("-A "):])
		default:
			continue // a comment, COMMIT or an empty line
		}
		tables[name] = current
	}
	return tables
}

// undoRules compares the output of iptables-save before a dockerd and after it,
// and returns the input for iptables-restore --noflush that removes what dockerd
// added: its chains, the rules that lead there or name its bridges, and the
// policy of FORWARD. Rules of anybody else stay. It is empty when there is
// nothing to do.
func undoRules(before, after string) string {
	was, is := parseRules(before), parseRules(after)
	var script strings.Builder
	for _, name := range []string{"raw", "mangle", "nat", "filter"} {
		if lines := undoTable(was[name], is[name]); len(lines) > 0 {
			fmt.Fprintf(&script, "*%s\n%s\nCOMMIT\n", name, strings.Join(lines, "\n"))
		}
	}
	return script.String()
}

func undoTable(was, is table) []string {
	var lines, added []string
	for _, chain := range is.chains {
		if strings.HasPrefix(chain, "DOCKER") && !slices.Contains(was.chains, chain) {
			added = append(added, chain)
		}
	}
	// A table that was not there yet had the kernel's policy.
	if policy, ok := was.policies["FORWARD"]; is.policies["FORWARD"] == "DROP" && (!ok || policy == "ACCEPT") {
		lines = append(lines, ":FORWARD ACCEPT [0:0]")
	}
	for _, rule := range is.rules {
		fields := strings.Fields(rule)
		byDocker := slices.ContainsFunc(fields, func(f string) bool { return slices.Contains(added, f) || isBridge(f) })
		if (byDocker || isHairpin(fields)) && !slices.Contains(added, fields[0]) && !slices.Contains(was.rules, rule) {
			lines = append(lines, "-D "+rule)
		}
	}
	// All are emptied before the first is deleted: they lead to each other.
	for _, chain := range added {
		lines = append(lines, "-F "+chain)
	}
	for _, chain := range added {
		lines = append(lines, "-X "+chain)
	}
	return lines
}

// isHairpin says whether a rule is what dockerd adds for each published port of a
// container, so that the container reaches itself by that port: from its address
// to its address, translated. It names no chain and no bridge, and only a dockerd
// that was killed leaves it.
func isHairpin(rule []string) bool {
	source, destination := slices.Index(rule, "-s"), slices.Index(rule, "-d")
	return rule[0] == "POSTROUTING" && rule[len(rule)-1] == "MASQUERADE" &&
		source >= 0 && destination >= 0 && rule[source+1] == rule[destination+1]
}
