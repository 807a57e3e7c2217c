package probes

import (
	"context"
	"maps"
	"slices"
	"sync"
)

// Options says what to probe.
type Options struct {
	// IPv6 says that the machine speaks IPv6.
	IPv6 bool
	// Obstacle is why nothing can be probed; see the function of this name.
	Obstacle string
}

// Run makes all probes at once and returns their results by name: "overlay",
// "bridge", "ports", "ipset", and for each tool "legacy/...", "nft/...",
// "legacy6/...", "nft6/..." and "native/...". Rules load the modules that they need,
// as Istio's own do; nothing else of the machine is changed. It takes a second or
// two, and every command in it has a time limit.
func Run(ctx context.Context, tools map[string]Tool, o Options) map[string]Result {
	if o.Obstacle != "" {
		return none(tools, o.Obstacle)
	}
	var mu sync.Mutex
	var wait sync.WaitGroup
	results := map[string]Result{}
	start := func(prefix string, group func() map[string]Result) {
		wait.Go(func() {
			found := group()
			mu.Lock()
			defer mu.Unlock()
			for name, result := range found {
				results[prefix+name] = result
			}
		})
	}
	one := func(name string, probe func() Result) {
		start("", func() map[string]Result { return map[string]Result{name: probe()} })
	}
	one("overlay", overlay)
	one("ports", ports)
	one("ipset", func() Result { return inSandbox(func(*sandbox) Result { return createSet(false) }) })
	one("bridge", func() Result { return bridge(ctx, tools) })
	for name, tool := range tools {
		if (name == legacy6 || name == nft6) && !o.IPv6 {
			continue
		}
		one(name+"/traffic", func() Result { return traffic(ctx, tool) })
		if name == native {
			start(name+"/", func() map[string]Result { return nftables(ctx, tool) })
		} else {
			start(name+"/", func() map[string]Result { return iptables(ctx, tool) })
		}
	}
	wait.Wait()
	return results
}

// none is the answer of every probe when none can be made.
func none(tools map[string]Tool, why string) map[string]Result {
	results := map[string]Result{}
	for _, name := range machineProbes {
		results[name] = cannotTell(why)
	}
	for tool := range tools {
		for _, name := range toolProbes(tool) {
			results[tool+"/"+name] = cannotTell(why)
		}
	}
	return results
}

// machineProbes are the probes that no tool is tried with.
var machineProbes = []string{"overlay", "ports", "ipset", "bridge"}

// Names returns the names of all probes that there are.
func Names() []string {
	names := append([]string{}, machineProbes...)
	for _, tool := range []string{legacy4, nft4, legacy6, nft6, native} {
		for _, name := range toolProbes(tool) {
			names = append(names, tool+"/"+name)
		}
	}
	return names
}

// toolProbes are the names of what is tried with a tool.
func toolProbes(tool string) []string {
	if tool == native {
		return append(slices.Sorted(maps.Keys(nativeRules)), "traffic")
	}
	return append(probeNames(), "traffic")
}
