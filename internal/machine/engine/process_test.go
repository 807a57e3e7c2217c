package engine

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// fakeProc makes the files of a process.
func fakeProc(t *testing.T, proc string, pid, parent int, network string, args ...string) {
	t.Helper()
	dir := filepath.Join(proc, strconv.Itoa(pid))
	if err := os.MkdirAll(filepath.Join(dir, "ns"), 0o755); err != nil {
		t.Fatal(err)
	}
	line := ""
	if len(args) > 0 {
		line = strings.Join(args, "\x00") + "\x00"
	}
	for name, content := range map[string]string{"cmdline": line, "stat": fmt.Sprintf("%d (a (b) c) S %d 1 1 0", pid, parent)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(network, filepath.Join(dir, "ns", "net")); err != nil {
		t.Fatal(err)
	}
}

func pids(all []process) []int {
	var ids []int
	for _, p := range all {
		ids = append(ids, p.pid)
	}
	slices.Sort(ids)
	return ids
}

func TestProcesses(t *testing.T) {
	l := layoutOf("/cache")
	proc := t.TempDir()
	fakeProc(t, proc, 100, 1, "net:[1]", "/usr/sbin/dockerd", configFlag(l.config()))
	fakeProc(t, proc, 101, 100, "net:[1]", "containerd", "--config", l.execRoot()+"/containerd/containerd.toml")
	fakeProc(t, proc, 102, 1, "net:[1]", "/usr/bin/containerd-shim-runc-v2", "-address", l.execRoot()+"/containerd/containerd.sock")
	fakeProc(t, proc, 103, 102, "net:[2]", "/sbin/init")
	fakeProc(t, proc, 200, 1, "net:[1]", "tail", "-f", l.execRoot()+"/log")
	fakeProc(t, proc, 201, 1, "net:[1]", "containerd", "--config", layoutOf("/other").execRoot()+"/containerd/containerd.toml")
	fakeProc(t, proc, 202, 1, "net:[1]", "vi", configFlag(l.config()))
	fakeProc(t, proc, 203, 1, "net:[1]") // a zombie
	fakeProc(t, proc, 204, 1, "net:[2]", "dockerd")
	if err := os.Symlink("100", filepath.Join(proc, "self")); err != nil {
		t.Fatal(err)
	}
	all, err := processes(proc)
	if err != nil {
		t.Fatal(err)
	}
	if want := []int{100, 101, 102, 103, 200, 201, 202, 204}; !slices.Equal(pids(all), want) {
		t.Errorf("processes are %v, want %v", pids(all), want)
	}
	if daemon, ok := l.dockerd(all); !ok || daemon.pid != 100 {
		t.Errorf("our dockerd is %+v, %t", daemon, ok)
	}
	if _, ok := layoutOf("/other").dockerd(all); ok {
		t.Error("another cache directory's engine is found")
	}
	if got := pids(l.helpers(all)); !slices.Equal(got, []int{101, 102}) {
		t.Errorf("helpers are %v", got)
	}
	if got := pids(children(all, l.helpers(all))); !slices.Equal(got, []int{103}) {
		t.Errorf("their children are %v", got)
	}
	if other, ok := l.otherDockerd(proc, all); ok {
		t.Errorf("process %d is taken for an engine in this network namespace", other.pid)
	}
	if other, ok := layoutOf("/other").otherDockerd(proc, all); !ok || other.pid != 100 {
		t.Errorf("for another cache directory: got %+v, %t; want process 100", other, ok)
	}
}

func TestParentOf(t *testing.T) {
	for stat, want := range map[string]int{"7 (runc:[2:INIT]) S 42 7": 42, "7 (a) b) S 1 7": 1, "7 (x)": 0, "": 0, "7 (x) S y": 0} {
		if got := parentOf(stat); got != want {
			t.Errorf("%q: got %d, want %d", stat, got, want)
		}
	}
}
