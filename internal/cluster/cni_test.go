package cluster

import (
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

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
			routes, missing := routesOf(tt.nodes, 2)
			if missing != tt.missing {
				t.Errorf("missing %q, want %q", missing, tt.missing)
			}
			if tt.missing == "" && (len(routes) != 2 || routes[0].node != "a" || routes[0].podCIDR.String() != "10.244.1.0/24" || routes[0].address.String() != "172.18.0.3") {
				t.Errorf("routes %v", routes)
			}
		})
	}
}

func TestConflist(t *testing.T) {
	text, err := conflist(netip.MustParsePrefix("10.244.1.0/24"))
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
		ptp.IPAM.Ranges[0][0].Subnet != "10.244.1.0/24" || ptp.IPAM.Routes[0].Dst != "0.0.0.0/0" {
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
	}, 3)
	if missing != "" {
		t.Fatal(missing)
	}
	script, err := cniScript(routes[0], routes, defaultServiceSubnet)
	if err != nil {
		t.Fatal(err)
	}
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
