package probes

import (
	"context"
	"os/exec"
	"strings"
)

// Tool is a program that writes rules.
type Tool struct {
	// Name is how it is called in the names of the probes: legacy, nft, legacy6,
	// nft6 or native.
	Name string `json:"name"`
	// Path is the program's, Version the line that it prints about itself.
	Path    string `json:"path"`
	Version string `json:"version"`
}

// The names of the tools.
const (
	legacy4 = "legacy"
	nft4    = "nft"
	legacy6 = "legacy6"
	nft6    = "nft6"
	native  = "native"
)

// Tools returns the tools of this machine by name. Istio's images bring their own,
// which use the same kernel.
func Tools(ctx context.Context) map[string]Tool {
	tools := map[string]Tool{}
	add := func(name string, programs ...string) {
		for _, program := range programs {
			path := find(program)
			if path == "" {
				continue
			}
			version := version(ctx, path)
			if version == "" || name != native && strings.Contains(version, "nf_tables") != (name == nft4 || name == nft6) {
				// Plain iptables is one of the two.
				continue
			}
			tools[name] = Tool{Name: name, Path: path, Version: version}
			return
		}
	}
	add(legacy4, "iptables-legacy", "iptables")
	add(nft4, "iptables-nft", "iptables")
	add(legacy6, "ip6tables-legacy", "ip6tables")
	add(nft6, "ip6tables-nft", "ip6tables")
	add(native, "nft")
	return tools
}

// version is what a program says about itself; "" when it does not start.
func version(ctx context.Context, path string) string {
	ctx, cancel := context.WithTimeout(ctx, commandTimeout)
	defer cancel()
	output, err := exec.CommandContext(ctx, path, "--version").Output()
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(output), "\n")
	return strings.TrimSpace(line)
}
