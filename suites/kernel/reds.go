package kernel

import (
	"slices"

	"istio-conformance/internal/machine/kernelprobe"
)

// Reds returns the names of the checks that fail when a kernel fails in a requirement or a
// setting, by its name in a report, on nodes that carry everything, on IPv4 and IPv6.
func Reds(table []kernelprobe.Requirement, name string) []string {
	if _, is := settings[name]; is {
		return []string{name}
	}
	i := slices.IndexFunc(table, func(r kernelprobe.Requirement) bool { return r.Name == name })
	if i < 0 {
		return nil
	}
	if ownCheck(&table[i]) {
		return []string{checkName(name)}
	}
	var names []string
	for _, p := range parts {
		if slices.Contains(table[i].Parts, p.part) {
			names = append(names, p.name)
		}
	}
	if table[i].IPv6 {
		names = append(names, "ipv6")
	}
	return names
}

// ownCheck says that a requirement has a check of its own.
func ownCheck(r *kernelprobe.Requirement) bool {
	return r.Boot || r.Name == "nat-redirect" || r.Name == "unprivileged-ports"
}
