package host

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// hybrid is what a machine with both versions of control groups mounts.
const hybrid = `23 1 0:21 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
24 23 0:22 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
25 23 0:23 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
`

// machine is a root directory with everything that Gather reads.
func machine(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for path, content := range map[string]string{
		"etc/os-release":                         "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nID=debian\nVERSION_ID=\"12\"\n",
		"proc/meminfo":                           "MemTotal:       24684084 kB\nMemFree:         1 kB\n",
		"proc/self/mountinfo":                    hybrid,
		"proc/self/status":                       "CapBnd:\t000001fffeffffff\n",
		"proc/sys/kernel/osrelease":              "6.18.44\n",
		"proc/sys/kernel/cap_last_cap":           "40\n",
		"proc/sys/fs/inotify/max_user_instances": "128\n",
		"proc/sys/fs/inotify/max_user_watches":   "524288\n",
	} {
		put(t, filepath.Join(root, path), content)
	}
	return root
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestGather(t *testing.T) {
	dir := t.TempDir()
	f := Gather(Options{Root: machine(t), Dirs: []string{filepath.Join(dir, "not", "yet"), dir}})
	if f.OS.Value.ID != "debian" || f.OS.Value.Version != "12" || f.OS.Err != nil {
		t.Errorf("OS is %v", f.OS)
	}
	if f.Kernel.Value != "6.18.44" || f.Kernel.Err != nil {
		t.Errorf("kernel is %v", f.Kernel)
	}
	if f.Cgroup.Value != CgroupHybrid || !f.CgroupV1() {
		t.Errorf("cgroup is %v", f.Cgroup)
	}
	if f.LoadableModules.Value || f.LoadableModules.Err != nil {
		t.Errorf("loadable modules: %v", f.LoadableModules)
	}
	if !f.Lacks("CAP_SYS_RESOURCE") || f.Lacks("CAP_SYS_ADMIN") {
		t.Errorf("missing capabilities are %v", f.MissingCapabilities)
	}
	if f.Memory.Value != 24684084*1024 {
		t.Errorf("memory is %d", f.Memory.Value)
	}
	if f.InotifyInstances.Value != 128 || f.InotifyWatches.Value != 524288 {
		t.Errorf("inotify limits are %v and %v", f.InotifyInstances, f.InotifyWatches)
	}
	if len(f.Disks) != 2 || f.Disks[0].Free.Err != nil || f.Disks[0].Free.Value == 0 || f.Disks[0].Device != f.Disks[1].Device {
		t.Errorf("disks are %+v", f.Disks)
	}
	line := f.String()
	for _, want := range []string{"debian 12, kernel 6.18.44, cgroup hybrid,", "memory 23.5 GiB", "without CAP_SYS_RESOURCE", "no loadable kernel modules", "free in " + dir} {
		if !strings.Contains(line, want) {
			t.Errorf("%q is not in %q", want, line)
		}
	}
}

// Nothing is guessed where nothing can be read.
func TestGatherUnknown(t *testing.T) {
	f := Gather(Options{Root: t.TempDir()})
	for name, err := range map[string]error{
		"OS": f.OS.Err, "kernel": f.Kernel.Err, "cgroup": f.Cgroup.Err, "modules": f.LoadableModules.Err, "capabilities": f.MissingCapabilities.Err,
		"memory": f.Memory.Err, "instances": f.InotifyInstances.Err, "watches": f.InotifyWatches.Err,
	} {
		if err == nil {
			t.Errorf("%s: no error from an empty directory", name)
		}
	}
	if f.CgroupV1() || f.Lacks("CAP_SYS_ADMIN") {
		t.Error("an unknown fact is taken for a known one")
	}
	if !strings.Contains(f.Kernel.String(), "unknown (") {
		t.Errorf("kernel is printed as %q", f.Kernel)
	}
}

func TestGatherMalformed(t *testing.T) {
	root := machine(t)
	for _, path := range []string{"proc/meminfo", "proc/self/mountinfo", "proc/self/status", "proc/sys/fs/inotify/max_user_watches"} {
		put(t, filepath.Join(root, path), "MemTotal: much\nCapBnd:\tall\n")
	}
	f := Gather(Options{Root: root})
	for name, err := range map[string]error{"memory": f.Memory.Err, "cgroup": f.Cgroup.Err, "capabilities": f.MissingCapabilities.Err, "watches": f.InotifyWatches.Err} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestCgroup(t *testing.T) {
	tests := map[string]struct {
		mountinfo string
		want      Cgroup
		v1        bool
	}{
		"v2":              {"30 1 0:26 / /sys/fs/cgroup rw shared:9 - cgroup2 cgroup2 rw,nsdelegate\n", CgroupV2, false},
		"v1":              {"24 23 0:22 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", CgroupV1, true},
		"hybrid":          {hybrid, CgroupHybrid, true},
		"v1 in a chroot":  {"30 1 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n31 1 0:9 / /srv/sys/fs/cgroup/memory rw - cgroup cgroup rw\n", CgroupV2, false},
		"not at the path": {"30 1 0:26 / /sys/fs/cgroups rw - cgroup2 cgroup2 rw\n", "", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			proc := t.TempDir()
			put(t, filepath.Join(proc, "self", "mountinfo"), tt.mountinfo)
			got, err := readCgroup(proc)
			if got != tt.want || (err != nil) != (tt.want == "") {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
			if v1 := (Facts{Cgroup: factOf(got, err)}).CgroupV1(); v1 != tt.v1 {
				t.Errorf("CgroupV1 is %t", v1)
			}
		})
	}
}

func TestLoadableModules(t *testing.T) {
	for name, tt := range map[string]struct {
		files map[string]string
		want  bool
	}{
		"loadable":      {map[string]string{"modules": "overlay 1 0 - Live 0x0\n", "sys/kernel/modules_disabled": "0\n"}, true},
		"turned off":    {map[string]string{"modules": "", "sys/kernel/modules_disabled": "1\n"}, false},
		"not built for": {map[string]string{"sys/kernel/osrelease": "6.18.44\n"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			proc := t.TempDir()
			for path, content := range tt.files {
				put(t, filepath.Join(proc, path), content)
			}
			got, err := canLoadModules(proc)
			if err != nil || got != tt.want {
				t.Errorf("got %t, %v; want %t", got, err, tt.want)
			}
		})
	}
}

func TestReadOS(t *testing.T) {
	for name, tt := range map[string]struct {
		path, content, want string
		like                []string
	}{
		"debian": {"etc/os-release", "ID=debian\nVERSION_ID=\"12\"\n", "debian 12", []string{"debian"}},
		"ubuntu": {"etc/os-release", "VERSION_ID=\"24.04\"\nID=ubuntu\nID_LIKE=debian\n", "ubuntu 24.04", []string{"ubuntu", "debian"}},
		"rocky":  {"usr/lib/os-release", "ID='rocky'\nID_LIKE=\"rhel centos fedora\"\nVERSION_ID=9\n", "rocky 9", []string{"fedora", "rhel"}},
		"arch":   {"etc/os-release", "ID=arch\n", "arch", []string{"arch"}},
		"no ID":  {"etc/os-release", "NAME=x\n", "linux", nil},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			put(t, filepath.Join(root, tt.path), tt.content)
			got, err := ReadOS(root)
			if err != nil || got.String() != tt.want {
				t.Fatalf("got %q, %v; want %q", got, err, tt.want)
			}
			for _, id := range tt.like {
				if !got.Like(id) {
					t.Errorf("%s is not like %s", got, id)
				}
			}
			if got.Like("debian") != slices.Contains(tt.like, "debian") {
				t.Errorf("%s: like debian is %t", got, got.Like("debian"))
			}
		})
	}
}
