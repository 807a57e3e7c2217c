package cluster

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"istio-conformance/internal/process/exitcode"
)

// header begins every configuration of the tests.
const header = "kind: Cluster\napiVersion: kind.x-k8s.io/v1alpha4\n"

func TestLoadConfigRefuses(t *testing.T) {
	mapping := func(fields string) string {
		return header + "nodes:\n- role: control-plane\n  extraPortMappings:\n  - {" + fields + "}\n"
	}
	tests := []struct {
		name, content string
		want          []string
	}{
		{"empty file", "", []string{"the file is empty"}},
		{"not YAML", "nodes: [", []string{"yaml"}},
		{"unknown field", header + "nodes:\n- role: control-plane\n  rolle: x\n", []string{"line 5", "rolle"}},
		{"unknown protocol", mapping("containerPort: 1, listenAddress: 127.0.0.1, protocol: QUIC"), []string{"QUIC"}},
		{"two documents", header + "nodes:\n- role: control-plane\n---\nkind: Cluster\n", []string{"more than one YAML document"}},
		{"wrong kind", "kind: Pod\napiVersion: kind.x-k8s.io/v1alpha4\n", []string{`kind: "Pod"`, `"Cluster"`}},
		{"wrong version", "kind: Cluster\napiVersion: v1\n", []string{`apiVersion: "v1"`, "v1alpha4"}},
		{"only workers", header + "nodes:\n- role: worker\n", []string{"nodes: 0 control-plane nodes"}},
		{"two control planes", header + "nodes:\n- role: control-plane\n- role: control-plane\n", []string{"nodes: 2 control-plane nodes"}},
		{"unknown role", header + "nodes:\n- role: boss\n", []string{"nodes[0].role", "boss", "worker"}},
		{"two images", header + "nodes:\n- {role: control-plane, image: 'x:1'}\n- {role: worker, image: 'x:2'}\n", []string{"nodes[1].image", "x:2", "nodes[0].image", "x:1"}},
		{"no kube-proxy", header + "networking: {kubeProxyMode: none}\n", []string{"networking.kubeProxyMode: none", "want iptables"}},
		{"kind's former version", "kind: Cluster\napiVersion: kind.sigs.k8s.io/v1alpha3\n", []string{"v1alpha3", "v1alpha4"}},
		{"no node port", mapping("hostPort: 8080, listenAddress: 127.0.0.1"), []string{"extraPortMappings[0].containerPort: 0"}},
		{"high port", mapping("containerPort: 30080, hostPort: 70000, listenAddress: 127.0.0.1"), []string{"extraPortMappings[0].hostPort: 70000"}},
		{
			"same host port twice",
			mapping("containerPort: 1, hostPort: 8080, listenAddress: 127.0.0.1") + "  - {containerPort: 2, hostPort: 8080, listenAddress: 127.0.0.1}\n",
			[]string{"extraPortMappings[1].hostPort: 8080", "extraPortMappings[0] has the same"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "kind.yaml")
			if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := LoadConfig(path)
			checkUsage(t, err, append(tt.want, path)...)
		})
	}
}

func TestLoadConfigWithoutFile(t *testing.T) {
	_, err := LoadConfig("/nowhere/kind.yaml")
	checkUsage(t, err, "/nowhere/kind.yaml", "no such file")
	dir := t.TempDir()
	_, err = LoadConfig(dir)
	checkUsage(t, err, dir, "is a directory")
}

func TestLoadConfigOfTheProject(t *testing.T) {
	c, err := LoadConfig("../../kind-config.yaml", 30080, 30443, 30021)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Notes) > 0 {
		t.Errorf("notes %q, want none", c.Notes)
	}
	if len(c.Cluster.Nodes) != 2 {
		t.Fatalf("%d nodes, want 2", len(c.Cluster.Nodes))
	}
	for i, node := range c.Cluster.Nodes {
		var ports []int32
		for _, m := range node.ExtraPortMappings {
			ports = append(ports, m.ContainerPort)
		}
		if len(ports) != 3 || ports[0] != 30080 || ports[1] != 30443 || ports[2] != 30021 {
			t.Errorf("node %d maps node ports %v, want 30080 30443 30021", i, ports)
		}
	}
}

// checkUsage checks that err is one line with exit status Usage and all words.
func checkUsage(t *testing.T, err error, words ...string) {
	t.Helper()
	checkError(t, err, exitcode.Usage, words...)
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error has more than one line: %q", err)
	}
}

func checkError(t *testing.T, err error, code int, words ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if got := exitcode.Of(err); got != code {
		t.Errorf("exit status %d, want %d", got, code)
	}
	for _, word := range words {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("error %q does not contain %q", err, word)
		}
	}
}
