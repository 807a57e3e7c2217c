package engine

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestLayout(t *testing.T) {
	// Longer than the path of a unix socket may be.
	long := layoutOf("/" + strings.Repeat("cache/", 40))
	other := layoutOf("/cache")
	if long.runtime == other.runtime {
		t.Errorf("two cache directories share %s", long.runtime)
	}
	if long.runtime != layoutOf("/"+strings.Repeat("cache/", 40)).runtime {
		t.Error("the layout of a cache directory changes")
	}
	// containerd's socket has the longest path. Source: unix(7), sun_path.
	if path := filepath.Join(long.execRoot(), "containerd", "containerd-debug.sock"); len(path) > 107 {
		t.Errorf("%s has %d characters", path, len(path))
	}
}

func TestDaemonConfig(t *testing.T) {
	l := layoutOf("/cache")
	for name, tt := range map[string]struct {
		capbound bool
		runtime  string
	}{"all capabilities": {false, ""}, "missing capabilities": {true, "/cache/engine/capbound-runtime"}} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "daemon.json")
			if err := l.daemonConfig(tt.capbound).write(path); err != nil {
				t.Fatal(err)
			}
			content, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			var got struct {
				Hosts    []string
				Bridge   string
				DataRoot string                           `json:"data-root"`
				Default  string                           `json:"default-runtime"`
				Runtimes map[string]struct{ Path string } `json:"runtimes"`
			}
			if err := json.Unmarshal(content, &got); err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got.Hosts, []string{"unix://" + l.socket()}) || got.Bridge != "none" || got.DataRoot != "/cache/engine/docker" {
				t.Errorf("got %s", content)
			}
			if got.Runtimes[got.Default].Path != tt.runtime {
				t.Errorf("the default runtime is %q in %s", got.Default, content)
			}
		})
	}
}

func TestMountsBelow(t *testing.T) {
	const mountinfo = `21 1 254:0 / / rw - ext4 /dev/vda rw
90 21 0:50 / /my\040cache/engine/docker/overlay2/x/merged rw - overlay overlay rw
91 21 0:51 / /my\040cache/engine/docker-other rw - tmpfs tmpfs rw
92 90 0:52 / /my\040cache/engine/docker/overlay2/x/merged/proc rw - proc proc rw
93 21 0:53 / /run/istio-conformance/1 rw - tmpfs tmpfs rw
broken
`
	got := mountsBelow(mountinfo, "/run/istio-conformance/1", "/my cache/engine/docker")
	want := []string{"/run/istio-conformance/1", "/my cache/engine/docker/overlay2/x/merged/proc", "/my cache/engine/docker/overlay2/x/merged"}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
