package openloop

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tree writes files and returns the directory that holds them.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestFindCgroup(t *testing.T) {
	const throttled = "nr_periods 9\nnr_throttled 4\n"
	for name, files := range map[string]map[string]string{
		"v1, cgroupfs": {
			"cpu/docker/x/kubelet/kubepods/pod1/c0ffee/cpu.stat":                 throttled,
			"cpuacct/docker/x/kubelet/kubepods/pod1/c0ffee/cpuacct.usage":        "2500000000\n",
			"memory/docker/x/kubelet/kubepods/pod1/c0ffee/memory.usage_in_bytes": "5000\n",
			"memory/docker/x/kubelet/kubepods/pod1/c0ffee/memory.stat":           "inactive_file 1\ntotal_inactive_file 1000\n",
			"cpu/docker/x/kubelet/kubepods/pod1/beef/cpu.stat":                   "nr_throttled 99\n",
			"pids/docker/x/kubelet/kubepods/pod1/c0ffee/pids.current":            "3\n",
		},
		"v2, systemd": {
			"kubelet.slice/cri-containerd-c0ffee.scope/cpu.stat":       "usage_usec 2500000\n" + throttled,
			"kubelet.slice/cri-containerd-c0ffee.scope/memory.current": "5000\n",
			"kubelet.slice/cri-containerd-c0ffee.scope/memory.stat":    "anon 1\ninactive_file 1000\n",
		},
	} {
		g, err := FindCgroup(tree(t, files), "gateway", "c0ffee")
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if n, err := g.Throttled().Read(t.Context()); n != 4 || err != nil {
			t.Errorf("%s: throttled %v, %v", name, n, err)
		}
		if s, err := g.cpuSeconds(); s != 2.5 || err != nil {
			t.Errorf("%s: %v CPU seconds, %v", name, s, err)
		}
		used := usage([]*Cgroup{g})(10)
		if len(used) != 1 || used[0] != (Usage{Name: "gateway", MemoryBytes: 4000, Seconds: 10}) {
			t.Errorf("%s: %+v", name, used)
		}
	}
}

func TestFindCgroupSaysWhatIsMissing(t *testing.T) {
	root := tree(t, map[string]string{"cpu/beef/cpu.stat": "nr_throttled 1\n"})
	if _, err := FindCgroup(root, "gateway", "c0ffee"); err == nil || !strings.Contains(err.Error(), "container c0ffee (gateway)") {
		t.Errorf("got %v", err)
	}
	g, err := FindCgroup(root, "gateway", "beef")
	if err != nil {
		t.Fatal(err)
	}
	if used := usage([]*Cgroup{g})(1); used[0].Error == "" {
		t.Errorf("nothing can be read: %+v", used)
	}
}
