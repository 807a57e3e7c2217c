package cluster

import (
	"net/netip"
	"strings"
	"testing"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
)

func TestConfinement(t *testing.T) {
	own := nodeRoute{"b", netip.MustParsePrefix("10.244.1.0/24"), netip.MustParseAddr("172.18.0.3")}
	const want = `ip route replace blackhole 10.244.1.0/24
iptables -w -C FORWARD -d 10.96.0.0/16 -j DROP 2>/dev/null || iptables -w -A FORWARD -d 10.96.0.0/16 -j DROP
iptables -w -C OUTPUT -d 10.96.0.0/16 -j DROP 2>/dev/null || iptables -w -A OUTPUT -d 10.96.0.0/16 -j DROP
`
	if got := confinement(own, v1alpha4.Networking{}); got != want {
		t.Errorf("got\n%s", got)
	}
	if got := confinement(own, v1alpha4.Networking{KubeProxyMode: v1alpha4.IPVSProxyMode}); strings.Contains(got, "iptables") {
		t.Errorf("virtual IPs are the node's own with IPVS, got\n%s", got)
	}
}

func TestServiceSubnetIsThatOfTheFamily(t *testing.T) {
	for given, want := range map[string]string{
		"": defaultServiceSubnet, "10.20.0.0/16": "10.20.0.0/16", "10.20.0.0/16,fd00:10:96::/112": "10.20.0.0/16", "fd00:10:96::/112, 10.20.0.0/16": "10.20.0.0/16",
	} {
		if got := serviceSubnet(v1alpha4.Networking{ServiceSubnet: given}, ipv4); got != want {
			t.Errorf("%q: got %s, want %s", given, got, want)
		}
	}
	for given, want := range map[string]string{"": defaultServiceSubnet6, "fd00:9::/112": "fd00:9::/112", "10.20.0.0/16,fd00:9::/112": "fd00:9::/112"} {
		if got := serviceSubnet(v1alpha4.Networking{ServiceSubnet: given}, ipv6); got != want {
			t.Errorf("%q: got %s, want %s", given, got, want)
		}
	}
}
