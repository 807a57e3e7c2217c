package probes

import "context"

// nftTable declares a table with a chain for each hook that the native rules use;
// nft wants a line for each.
const (
	nftTable  = "add table inet p\n"
	nftOutput = nftTable + "add chain inet p out { type filter hook output priority 0 ; }\n"
	nftPre    = nftTable + "add chain inet p pre { type filter hook prerouting priority -150 ; }\n"
	nftNAT    = nftTable + "add chain inet p nat { type nat hook output priority -100 ; }\n"
	nftPost   = nftTable + "add chain inet p post { type nat hook postrouting priority 100 ; }\n"
)

// nativeRules are what Istio writes with global.nativeNftables, one module each.
// Source: istio.io/istio, tools/istio-nftables/pkg/capture/run.go and cni/pkg/nftables.
var nativeRules = map[string]string{
	"table":    nftOutput + "add rule inet p out meta skuid 1337 counter return\n",
	"nat":      nftNAT,
	"redirect": nftNAT + "add rule inet p nat meta l4proto tcp counter redirect to :15001\n",
	"ct": nftOutput + "add rule inet p out ct state related,established counter return\n" +
		"add rule inet p out ct mark 1337 counter meta mark set ct mark\n" +
		nftPre + "add rule inet p pre udp dport 53 counter ct zone set 1\n",
	"tproxy":  nftPre + "add rule inet p pre meta l4proto tcp tproxy ip to :15006 meta mark set 1337 accept\n",
	"tproxy6": nftPre + "add rule inet p pre meta l4proto tcp tproxy ip6 to :15006 meta mark set 1337 accept\n",
	"snat":    nftPost + "add rule inet p post meta l4proto tcp counter snat ip to 169.254.7.127\n",
	"socket":  nftPre + "add rule inet p pre socket transparent 1 counter accept\n",
}

// nftables tries the native rules and returns the results by the probe's name
// after the slash.
func nftables(ctx context.Context, tool Tool) map[string]Result {
	results := map[string]Result{}
	for name, script := range nativeRules {
		results[name] = inSandbox(func(s *sandbox) Result { return s.try(ctx, script, tool.Path, "-f", "-") })
	}
	return results
}
