package modules

import (
	"encoding/json"
	"path/filepath"
	"testing"
)

func TestUnwantedUnit(t *testing.T) {
	for name, want := range map[string]bool{
		"usr/lib/systemd/system/multi-user.target.wants/getty.target":                    true,
		"usr/lib/systemd/system/local-fs.target.wants/tmp.mount":                         true,
		"usr/lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup.service":     true,
		"usr/lib/systemd/system/sysinit.target.wants/systemd-journald.service":           false,
		"usr/lib/systemd/system/sockets.target.wants/systemd-udevd-kernel.socket":        true,
		"usr/lib/systemd/system/sockets.target.wants/systemd-journald.socket":            false,
		"usr/lib/systemd/system/multi-user.target.wants":                                 false,
		"usr/lib/systemd/system/getty.target":                                            false,
		"etc/systemd/system/timers.target.wants/apt-daily.timer":                         true,
		"etc/systemd/system/timers.target.wants":                                         false,
		"etc/systemd/system/kubelet.service":                                             false,
		"usr/lib/systemd/system/systemd-tmpfiles-setup.service":                          false,
		"usr/lib/systemd/system/sysinit.target.wants/systemd-tmpfiles-setup-dev.service": false,
	} {
		if got := unwantedUnit(name); got != want {
			t.Errorf("%s: unwanted %t, want %t", name, got, want)
		}
	}
}

func TestLeftOut(t *testing.T) {
	for name, want := range map[string]bool{
		"dev": false, "dev/console": true, "etc/resolv.conf": true, "etc/machine-id": true, "etc/passwd": false,
		"var/log": false, "var/log/dpkg.log": true, "tmp": false, "run/lock": true, "var/lib/dpkg/status": false,
	} {
		if got := leftOut(name); got != want {
			t.Errorf("%s: left out %t, want %t", name, got, want)
		}
	}
}

func TestEditSpec(t *testing.T) {
	text, err := editSpec([]byte(`{"ociVersion":"1.3.0","process":{"cwd":"/","rlimits":[{"type":"RLIMIT_NOFILE"}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	var spec struct {
		OCIVersion string `json:"ociVersion"`
		Process    map[string]any
		Hooks      struct{ CreateContainer []struct{ Path string } }
	}
	if err := json.Unmarshal(text, &spec); err != nil {
		t.Fatal(err)
	}
	if _, limited := spec.Process["rlimits"]; limited || spec.Process["cwd"] != "/" || spec.OCIVersion != "1.3.0" {
		t.Errorf("got %s", text)
	}
	if hooks := spec.Hooks.CreateContainer; len(hooks) != 1 || hooks[0].Path != "/kind/bin/mount-product-files.sh" {
		t.Errorf("got the hooks %v", hooks)
	}
	for _, broken := range []string{"", "{}", `{"process":1}`} {
		if _, err := editSpec([]byte(broken)); err == nil {
			t.Errorf("%q was taken for a container's configuration", broken)
		}
	}
}

func TestSandboxImage(t *testing.T) {
	dir := t.TempDir()
	config := filepath.Join(dir, "etc", "containerd", "config.toml")
	write(t, config, "# sandbox_image = \"commented\"\n[plugins.x]\n  sandbox_image = \"registry.k8s.io/pause:3.10\"\n")
	if got, err := sandboxImage(dir); err != nil || got != "registry.k8s.io/pause:3.10" {
		t.Errorf("got %s, %v", got, err)
	}
	write(t, config, "version = 2\n")
	if got, err := sandboxImage(dir); err == nil {
		t.Errorf("found %s where there is none", got)
	}
}

func TestFileMode(t *testing.T) {
	for rel, want := range map[string]uint32{
		"usr/local/bin/entrypoint": 0o755, "kind/bin/undo-mount-hacks.sh": 0o755,
		"kind/README.txt": 0o644, "etc/containerd/config.toml": 0o644,
	} {
		if got := uint32(fileMode(rel)); got != want {
			t.Errorf("%s: got %o, want %o", rel, got, want)
		}
	}
}
