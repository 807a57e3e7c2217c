package cluster

import (
	"testing"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
)

func TestFingerprint(t *testing.T) {
	base := mustFingerprint(t, plainConfig(), "sha256:1")
	tests := []struct {
		name   string
		change func(*v1alpha4.Cluster)
		image  string
		same   bool
	}{
		{"same", func(*v1alpha4.Cluster) {}, "sha256:1", true},
		{"other host port", func(c *v1alpha4.Cluster) { c.Nodes[0].ExtraPortMappings[0].HostPort = 9 }, "sha256:1", true},
		{"other node port", func(c *v1alpha4.Cluster) { c.Nodes[0].ExtraPortMappings[0].ContainerPort = 9 }, "sha256:1", false},
		{"other image", func(*v1alpha4.Cluster) {}, "sha256:2", false},
		{"other nodes", func(c *v1alpha4.Cluster) { c.Nodes = c.Nodes[:1] }, "sha256:1", false},
		{"other network", func(c *v1alpha4.Cluster) { c.Networking.DisableDefaultCNI = true }, "sha256:1", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := plainConfig()
			tt.change(cfg)
			if got := mustFingerprint(t, cfg, tt.image) == base; got != tt.same {
				t.Errorf("same fingerprint: %t, want %t", got, tt.same)
			}
		})
	}
}

func TestWithMarkerIsFoundOnEveryNode(t *testing.T) {
	plain := plainConfig()
	marked := withMarker(plain, "abc")
	for i, node := range marked.Nodes {
		var c container
		for _, m := range node.ExtraMounts {
			if m.HostPath != "/dev/null" || !m.Readonly {
				t.Errorf("node %d mounts %+v", i, m)
			}
			c.Mounts = append(c.Mounts, struct {
				Destination string `json:"Destination"`
			}{m.ContainerPath})
		}
		if fp, ok := c.marker(); !ok || fp != "abc" {
			t.Errorf("node %d: marker %q, %t", i, fp, ok)
		}
	}
	if len(plain.Nodes[0].ExtraMounts) != 0 {
		t.Error("the configuration given was changed")
	}
}

func mustFingerprint(t *testing.T, cfg *v1alpha4.Cluster, image string) string {
	t.Helper()
	fp, err := fingerprint(cfg, image)
	if err != nil {
		t.Fatal(err)
	}
	return fp
}
