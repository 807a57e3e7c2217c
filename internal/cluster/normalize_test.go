package cluster

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
)

// What kind takes is taken; what is replaced is named.
func TestLoadConfigTakesWhatKindTakes(t *testing.T) {
	tests := []struct {
		name, content string
		nodes         int
		image         string
		notes         []string // words of each note, in order
	}{
		{"kind's default", header, 1, "", []string{"nodes[0] 30080 30443"}},
		{"three nodes", header + "nodes: [{role: control-plane}, {role: worker}, {role: worker}]\n", 3, "", []string{"nodes[2] 30080 30443"}},
		{"named", header + "name: demo\nnodes:\n- extraPortMappings: [{containerPort: 30080, hostPort: 80}]\n", 1, "", []string{
			`name: "demo" is not used`, "nodes[0].extraPortMappings[0]: listenAddress 127.0.0.1", "nodes[0] 30443",
		}},
		{"all interfaces", header + "networking: {apiServerAddress: 0.0.0.0}\nnodes:\n- extraPortMappings: [{containerPort: 30080, hostPort: -1, listenAddress: 0.0.0.0}]\n", 1, "", []string{
			"apiServerAddress: 127.0.0.1 instead of 0.0.0.0", "listenAddress 127.0.0.1", "nodes[0] 30443",
		}},
		{"image", header + "nodes: [{image: 'kindest/node:v1.36.4'}]\n", 1, "kindest/node:v1.36.4", []string{"nodes[0] 30080 30443"}},
		{"UDP on a node port", header + "nodes:\n- extraPortMappings: [{containerPort: 30080, hostPort: 53, protocol: UDP, listenAddress: 127.0.0.1}]\n", 1, "", []string{"nodes[0] 30080 30443"}},
		{"gates", header + "featureGates: {ImageVolume: true}\nruntimeConfig: {api/alpha: 'false'}\nnetworking: {kubeProxyMode: nftables, ipFamily: dual}\n", 1, "", []string{"nodes[0] 30080 30443"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "kind.yaml")
			if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			c, err := LoadConfig(path, 30080, 30443)
			if err != nil {
				t.Fatal(err)
			}
			if len(c.Cluster.Nodes) != tt.nodes || c.NodeImage != tt.image || c.Cluster.Name != "" {
				t.Errorf("%d nodes of image %q, name %q; want %d, %q and none", len(c.Cluster.Nodes), c.NodeImage, c.Cluster.Name, tt.nodes, tt.image)
			}
			checkNotes(t, path, c.Notes, tt.notes)
			for i, node := range c.Cluster.Nodes {
				checkMappings(t, i, node, 30080, 30443)
			}
		})
	}
}

// checkNotes checks that each note names the file and has its words.
func checkNotes(t *testing.T, path string, notes, want []string) {
	t.Helper()
	if len(notes) != len(want) {
		t.Fatalf("notes %q, want %d", notes, len(want))
	}
	for i, words := range want {
		if !strings.HasPrefix(notes[i], path+": ") || !strings.Contains(notes[i], words) {
			t.Errorf("note %q, want %s and %q", notes[i], path, words)
		}
	}
}

// checkMappings checks that a node names no image and has a mapping of TCP to each
// port, which listens on this machine only.
func checkMappings(t *testing.T, i int, node v1alpha4.Node, ports ...int32) {
	t.Helper()
	if node.Image != "" {
		t.Errorf("node %d has still the image %s", i, node.Image)
	}
	for _, port := range ports {
		if !slices.ContainsFunc(node.ExtraPortMappings, func(m v1alpha4.PortMapping) bool {
			return m.ContainerPort == port && m.ListenAddress == loopback && m.HostPort >= 0 && protocol(&m) == v1alpha4.PortMappingProtocolTCP
		}) {
			t.Errorf("node %d maps %+v, want a mapping to %d on %s", i, node.ExtraPortMappings, port, loopback)
		}
	}
}
