package engine

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"istio-conformance/internal/machine/host"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// What podman 4.3.1 prints, shortened.
const podmanInfo = `{"host": {"arch": "amd64", "cgroupVersion": "v1", "cpus": 2, "distribution": {"distribution": "debian", "version": "12"},
"memTotal": 25276502016, "ociRuntime": {"name": "crun", "path": "/usr/bin/crun"}},
"store": {"graphDriverName": "overlay", "graphRoot": "/var/lib/containers/storage"}, "version": {"Version": "4.3.1"}}`

// fakePodman puts a podman that prints into the PATH, and nothing else.
func fakePodman(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "podman"), []byte("#!/bin/sh\n"+script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":/bin")
	t.Setenv(podmanConfVariable, "")
}

func TestDetectPodman(t *testing.T) {
	fakePodman(t, "cat <<'END'\n"+podmanInfo+"\nEND\necho 'level=warning' >&2\n")
	e, err := Detect(t.Context(), Options{Choice: Choice{Kind: Podman}, CacheDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	if e.Owned || e.Host != "" || e.String() != "podman 4.3.1 on debian 12, cgroup v1, storage overlay in /var/lib/containers/storage, OCI runtime crun" {
		t.Errorf("got %+v, %s", e, e)
	}
}

func TestPodmanThatDoesNotAnswer(t *testing.T) {
	fakePodman(t, "echo 'Error: no storage' >&2; exit 125\n")
	_, err := Detect(t.Context(), Options{Choice: Choice{Kind: Podman}, CacheDir: t.TempDir()})
	var none *NotFoundError
	if !errors.As(err, &none) || !strings.Contains(err.Error(), "no podman engine answers (Error: no storage)") {
		t.Errorf("got %v", err)
	}
	_, err = Ensure(t.Context(), Options{Choice: Choice{Kind: Podman}, CacheDir: t.TempDir()})
	if exitcode.Of(err) != exitcode.Environment || !strings.Contains(err.Error(), "KIND_EXPERIMENTAL_PROVIDER=podman: no podman engine answers") {
		t.Errorf("got %v", err)
	}
}

func TestParsePodmanRefuses(t *testing.T) {
	for _, out := range []string{"podman", "{}"} {
		if _, err := parsePodman([]byte(out)); err == nil {
			t.Errorf("%q is accepted", out)
		}
	}
}

// Podman is configured only where its defaults fail, and never against its user.
func TestPodmanConf(t *testing.T) {
	l := layoutOf(t.TempDir())
	read := func() string {
		t.Helper()
		data, err := os.ReadFile(l.podmanConf())
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		return string(data)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "runc"), []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	poor := host.Facts{
		MissingCapabilities: host.Fact[[]string]{Value: []string{"CAP_SYS_RESOURCE"}}, Cgroup: host.Fact[host.Cgroup]{Value: host.CgroupHybrid},
	}
	for _, c := range []struct{ named, want string }{
		{"", "[containers]\ndefault_ulimits = []\n[engine]\nruntime = \"runc\"\n"}, {"/etc/mine.conf", ""},
	} {
		if err := writePodmanConf(l, poor, c.named, progress.Discard); err != nil {
			t.Fatal(err)
		}
		if got := read(); got != c.want {
			t.Errorf("%s=%s: got %q, want %q", podmanConfVariable, c.named, got, c.want)
		}
	}
	if err := writePodmanConf(l, host.Facts{}, "", progress.Discard); err != nil || read() != "" {
		t.Errorf("an ordinary machine: %v, %q", err, read())
	}
}

func TestLocalNames(t *testing.T) {
	got := localNames("Loaded image: localhost/istio-conformance/node:v1\nLoaded image: localhost/busybox:1\nLoaded image: quay.io/a/b:2\nother\n")
	if len(got) != 2 || got["localhost/istio-conformance/node:v1"] != "docker.io/istio-conformance/node:v1" || got["localhost/busybox:1"] != "docker.io/library/busybox:1" {
		t.Errorf("got %v", got)
	}
}

// Podman is asked with the configuration that it needs here, says in its own words
// that an image is missing, and names what it loads otherwise than Docker.
func TestPodmanAsEngine(t *testing.T) {
	log := filepath.Join(t.TempDir(), "log")
	fakePodman(t, `echo "$CONTAINERS_CONF $*" >>`+log+`
case "$*" in
*absent*) echo "Error: inspecting object: absent:1: image not known" >&2; exit 125 ;;
load*) echo "Loaded image: localhost/a/b:1" ;;
esac`)
	e := &Engine{Kind: Podman, conf: "/c.conf"}
	if there, err := e.HasImage(t.Context(), "absent:1"); there || err != nil {
		t.Errorf("an image that is missing: %t, %v", there, err)
	}
	if err := e.Load(t.Context(), "a.tar"); err != nil {
		t.Error(err)
	}
	if err := e.Export(); err != nil || os.Getenv(podmanConfVariable) != "/c.conf" {
		t.Errorf("exported: %v, %q", err, os.Getenv(podmanConfVariable))
	}
	calls, err := os.ReadFile(log)
	const want = `/c.conf image inspect --format {{.Id}} absent:1
/c.conf load --quiet --input a.tar
/c.conf tag localhost/a/b:1 docker.io/a/b:1
/c.conf untag localhost/a/b:1 localhost/a/b:1
`
	if err != nil || string(calls) != want {
		t.Errorf("calls %q, %v", calls, err)
	}
}
