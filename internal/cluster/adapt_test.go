package cluster

import (
	"strings"
	"testing"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
)

func plainConfig() *v1alpha4.Cluster {
	mapping := func(host int32) []v1alpha4.PortMapping {
		return []v1alpha4.PortMapping{{ContainerPort: 30080, HostPort: host, ListenAddress: "127.0.0.1"}}
	}
	return &v1alpha4.Cluster{Nodes: []v1alpha4.Node{
		{Role: v1alpha4.ControlPlaneRole, ExtraPortMappings: mapping(8080)},
		{Role: v1alpha4.WorkerRole, ExtraPortMappings: mapping(8081)},
	}}
}

func TestAdapt(t *testing.T) {
	tests := []struct {
		name                  string
		needs                 HostNeeds
		failCgroup, oom, noCN bool
		notes                 []string
	}{
		{name: "ordinary machine", needs: HostNeeds{Kubernetes: "v1.36.3", NodeCNI: true}},
		{name: "cgroup v1, old kubelet", needs: HostNeeds{Kubernetes: "v1.34.4", CgroupV1: true, NodeCNI: true}},
		{name: "cgroup v1, first that refuses", needs: HostNeeds{Kubernetes: "v1.35.0", CgroupV1: true, NodeCNI: true}, failCgroup: true, notes: []string{"cgroup v1"}},
		{name: "cgroup v1, pre-release", needs: HostNeeds{Kubernetes: "v1.35.0-rc.1", CgroupV1: true, NodeCNI: true}, failCgroup: true, notes: []string{"v1.35.0-rc.1"}},
		{name: "no CAP_SYS_RESOURCE", needs: HostNeeds{Kubernetes: "v1.36.3", RestrictOOM: true, NodeCNI: true}, oom: true, notes: []string{"CAP_SYS_RESOURCE"}},
		{name: "no kindnet", needs: HostNeeds{Kubernetes: "v1.36.3"}, noCN: true, notes: []string{"disableDefaultCNI"}},
		{
			name: "everything", needs: HostNeeds{Kubernetes: "1.36.3", CgroupV1: true, RestrictOOM: true},
			failCgroup: true, oom: true, noCN: true, notes: []string{"failCgroupV1", "restrict_oom_score_adj", "disableDefaultCNI"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			plain := plainConfig()
			cfg, notes, err := Adapt(plain, tt.needs)
			if err != nil {
				t.Fatal(err)
			}
			if got := strings.Contains(strings.Join(cfg.KubeadmConfigPatches, ""), "failCgroupV1: false"); got != tt.failCgroup {
				t.Errorf("failCgroupV1 patch: %t, want %t", got, tt.failCgroup)
			}
			if got := len(cfg.ContainerdConfigPatches) > 0; got != tt.oom {
				t.Errorf("containerd patch: %t, want %t", got, tt.oom)
			}
			if got := cfg.Networking.DisableDefaultCNI; got != tt.noCN {
				t.Errorf("disableDefaultCNI: %t, want %t", got, tt.noCN)
			}
			if len(notes) != len(tt.notes) {
				t.Fatalf("notes %q, want %d", notes, len(tt.notes))
			}
			for i, word := range tt.notes {
				if !strings.Contains(notes[i], word) {
					t.Errorf("note %q does not contain %q", notes[i], word)
				}
			}
			if plain.Networking.DisableDefaultCNI || len(plain.KubeadmConfigPatches)+len(plain.ContainerdConfigPatches) > 0 {
				t.Error("the configuration given was changed")
			}
		})
	}
}

func TestAdaptRefuses(t *testing.T) {
	_, _, err := Adapt(plainConfig(), HostNeeds{Kubernetes: "latest"})
	checkUsage(t, err, `"latest"`, "v1.36.3")
}

func TestAdaptKeepsTheFamily(t *testing.T) {
	for f, words := range map[v1alpha4.ClusterIPFamily]string{"": "(ptp, IPv4)", v1alpha4.IPv6Family: "(ptp, IPv6)", v1alpha4.DualStackFamily: "(ptp, IPv4 and IPv6)"} {
		cfg := plainConfig()
		cfg.Networking.IPFamily = f
		adapted, notes, err := Adapt(cfg, HostNeeds{Kubernetes: "v1.36.3"})
		if err != nil || !adapted.Networking.DisableDefaultCNI || len(notes) != 1 || !strings.Contains(notes[0], words) {
			t.Errorf("%q: notes %q, %v; want %q", f, notes, err, words)
		}
	}
}

func TestRestrictOOMPatchesNameThePluginOfTheirVersion(t *testing.T) {
	want := map[string]string{
		"version = 2\n": `[plugins."io.containerd.grpc.v1.cri"]`,
		"version = 3\n": `[plugins."io.containerd.cri.v1.runtime"]`,
		"version = 4\n": `[plugins."io.containerd.cri.v1.runtime"]`,
	}
	patches := restrictOOMPatches()
	if len(patches) != len(want) {
		t.Fatalf("%d patches, want %d", len(patches), len(want))
	}
	for _, patch := range patches {
		version, rest, _ := strings.Cut(patch, "[")
		if plugin := want[version]; plugin == "" || !strings.HasPrefix("["+rest, plugin+"\n") || !strings.Contains(rest, "restrict_oom_score_adj = true") {
			t.Errorf("patch %q", patch)
		}
	}
}
