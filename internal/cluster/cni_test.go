package cluster

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
)

// dualNode has an IPv6 range and address too.
func dualNode(name, cidr, address, cidr6, address6 string) *corev1.Node {
	n := cniNode(name, cidr, address)
	n.Spec.PodCIDRs = []string{cidr, cidr6}
	n.Status.Addresses = append(n.Status.Addresses, corev1.NodeAddress{Type: corev1.NodeInternalIP, Address: address6})
	return n
}

func cniNode(name, cidr, address string) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       corev1.NodeSpec{PodCIDR: cidr},
		Status: corev1.NodeStatus{Addresses: []corev1.NodeAddress{
			{Type: corev1.NodeHostName, Address: name}, {Type: corev1.NodeInternalIP, Address: address},
		}},
	}
}

func TestRoutesOf(t *testing.T) {
	good := cniNode("b", "10.244.0.0/24", "172.18.0.2")
	tests := []struct {
		name    string
		nodes   []*corev1.Node
		missing string
	}{
		{"not joined", []*corev1.Node{good}, "1 of 2 nodes have joined"},
		{"no range yet", []*corev1.Node{good, cniNode("a", "", "172.18.0.3")}, "node a has no IPv4 spec.podCIDR"},
		{"IPv6 range", []*corev1.Node{good, cniNode("a", "fd00::/64", "172.18.0.3")}, "node a has no IPv4 spec.podCIDR"},
		{"no address", []*corev1.Node{good, cniNode("a", "10.244.1.0/24", "fd00::1")}, "node a has no IPv4 InternalIP"},
		{"good", []*corev1.Node{good, cniNode("a", "10.244.1.0/24", "172.18.0.3")}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			routes, missing := routesOf(tt.nodes, 2, ipv4)
			if missing != tt.missing {
				t.Errorf("missing %q, want %q", missing, tt.missing)
			}
			if tt.missing == "" && (len(routes) != 2 || routes[0].node != "a" || routes[0].podCIDR.String() != "10.244.1.0/24" || routes[0].address.String() != "172.18.0.3") {
				t.Errorf("routes %v", routes)
			}
		})
	}
}

func TestRoutesOfBothFamilies(t *testing.T) {
	nodes := []*corev1.Node{
		dualNode("a", "10.244.0.0/24", "172.18.0.2", "fd00:10:244::/64", "fc00::2"), dualNode("b", "10.244.1.0/24", "172.18.0.3", "fd00:10:244:1::/64", "fc00::3"),
	}
	for f, want := range map[family]string{ipv4: "a 10.244.0.0/24 172.18.0.2, b 10.244.1.0/24 172.18.0.3, ", ipv6: "a fd00:10:244::/64 fc00::2, b fd00:10:244:1::/64 fc00::3, "} {
		routes, missing := routesOf(nodes, 2, f)
		var got strings.Builder
		for _, r := range routes {
			fmt.Fprintf(&got, "%s %s %s, ", r.node, r.podCIDR, r.address)
		}
		if missing != "" || got.String() != want {
			t.Errorf("%s: %s, missing %q; want %s", f, got.String(), missing, want)
		}
	}
	if _, missing := routesOf([]*corev1.Node{cniNode("a", "10.244.0.0/24", "172.18.0.2")}, 1, ipv6); missing != "node a has no IPv6 spec.podCIDR" {
		t.Errorf("missing %q", missing)
	}
}

func TestConflist(t *testing.T) {
	text, err := conflist([]nodeRoute{
		{"a", netip.MustParsePrefix("10.244.1.0/24"), netip.MustParseAddr("172.18.0.2")}, {"a", netip.MustParsePrefix("fd00:10:244:1::/64"), netip.MustParseAddr("fc00::2")},
	})
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		CNIVersion, Name string
		Plugins          []struct {
			Type   string
			IPMasq *bool
			IPAM   struct {
				Type   string
				Ranges [][]struct{ Subnet string }
				Routes []struct{ Dst string }
			}
			Capabilities struct{ PortMappings bool }
		}
	}
	if err := json.Unmarshal([]byte(text), &list); err != nil {
		t.Fatal(err)
	}
	if list.CNIVersion == "" || list.Name == "" || len(list.Plugins) != 2 {
		t.Fatalf("list %+v", list)
	}
	ptp, portmap := list.Plugins[0], list.Plugins[1]
	if ptp.Type != "ptp" || ptp.IPMasq == nil || *ptp.IPMasq || ptp.IPAM.Type != "host-local" ||
		fmt.Sprint(ptp.IPAM.Ranges) != "[[{10.244.1.0/24}] [{fd00:10:244:1::/64}]]" || fmt.Sprint(ptp.IPAM.Routes) != "[{0.0.0.0/0} {::/0}]" {
		t.Errorf("first plugin %+v", ptp)
	}
	if portmap.Type != "portmap" || !portmap.Capabilities.PortMappings {
		t.Errorf("second plugin %+v", portmap)
	}
}

// The script runs for real, on a directory of the test and with commands that change
// no network: ip writes its arguments down, iptables does nothing.
func TestCNIScriptIsRepeatable(t *testing.T) {
	routes, missing := routesOf([]*corev1.Node{
		cniNode("a", "10.244.0.0/24", "172.18.0.2"), cniNode("b", "10.244.1.0/24", "172.18.0.3"), cniNode("c", "10.244.2.0/24", "172.18.0.4"),
	}, 3, ipv4)
	if missing != "" {
		t.Fatal(missing)
	}
	script, err := cniConfig(routes[:1])
	if err != nil {
		t.Fatal(err)
	}
	script = podRoutes(routes[0], routes, defaultServiceSubnet) + script
	dir := t.TempDir()
	script = "set -eu\nip() { echo \"$@\"; }\niptables() { :; }\n" + strings.ReplaceAll(script, "/etc/cni/net.d", dir)
	run := func() string {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", script).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		return string(out)
	}
	want := "route replace 10.244.1.0/24 via 172.18.0.3\nroute replace 10.244.2.0/24 via 172.18.0.4\n"
	if got := run(); got != want {
		t.Errorf("routes %q, want %q", got, want)
	}
	file := filepath.Join(dir, filepath.Base(conflistPath))
	written, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(written) || !strings.Contains(string(written), "10.244.0.0/24") {
		t.Errorf("conflist %s", written)
	}
	if err := os.WriteFile(file, []byte("chained"), 0o600); err != nil {
		t.Fatal(err)
	}
	run()
	if kept, err := os.ReadFile(file); err != nil || string(kept) != "chained" {
		t.Errorf("a second run left %q (%v); want what a chained plugin wrote", kept, err)
	}
}

// What stays in the cluster keeps its own address; the rule is added once.
func TestMasquerade(t *testing.T) {
	a := nodeRoute{"a", netip.MustParsePrefix("10.244.0.0/24"), netip.MustParseAddr("172.18.0.2")}
	b := nodeRoute{"b", netip.MustParsePrefix("10.244.1.0/24"), netip.MustParseAddr("172.18.0.3")}
	const want = `iptables -w -t nat -N ISTIO-CONFORMANCE-MASQ 2>/dev/null || iptables -w -t nat -F ISTIO-CONFORMANCE-MASQ
iptables -w -t nat -A ISTIO-CONFORMANCE-MASQ -d 10.244.0.0/24 -j RETURN
iptables -w -t nat -A ISTIO-CONFORMANCE-MASQ -d 172.18.0.2 -j RETURN
iptables -w -t nat -A ISTIO-CONFORMANCE-MASQ -d 10.244.1.0/24 -j RETURN
iptables -w -t nat -A ISTIO-CONFORMANCE-MASQ -d 172.18.0.3 -j RETURN
iptables -w -t nat -A ISTIO-CONFORMANCE-MASQ -d 10.96.0.0/16 -j RETURN
iptables -w -t nat -A ISTIO-CONFORMANCE-MASQ -j MASQUERADE
iptables -w -t nat -C POSTROUTING -s 10.244.1.0/24 -j ISTIO-CONFORMANCE-MASQ 2>/dev/null || iptables -w -t nat -A POSTROUTING -s 10.244.1.0/24 -j ISTIO-CONFORMANCE-MASQ
`
	if got := masquerade(b, []nodeRoute{a, b}, "10.96.0.0/16"); got != want {
		t.Errorf("got\n%s", got)
	}
}

func TestIPv6HasItsOwnPrograms(t *testing.T) {
	a := nodeRoute{"a", netip.MustParsePrefix("fd00:10:244::/64"), netip.MustParseAddr("fc00::2")}
	b := nodeRoute{"b", netip.MustParsePrefix("fd00:10:244:1::/64"), netip.MustParseAddr("fc00::3")}
	got := podRoutes(b, []nodeRoute{a, b}, defaultServiceSubnet6) + confinement(b, v1alpha4.Networking{IPFamily: v1alpha4.IPv6Family})
	for line := range strings.Lines(got) {
		if !strings.HasPrefix(line, "ip -6 route replace ") && !strings.HasPrefix(line, "ip6tables -w ") || strings.Contains(line, " iptables") {
			t.Errorf("line %q", line)
		}
	}
	for _, want := range []string{"ip -6 route replace fd00:10:244::/64 via fc00::2\n", "ip -6 route replace blackhole fd00:10:244:1::/64\n", "-d fd00:10:96::/112 -j DROP"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
}
