package host

import (
	"errors"
	"strings"
	"testing"
)

// ample is a machine that has everything.
func ample() Facts {
	return Facts{
		Cgroup: Fact[Cgroup]{Value: CgroupV2}, Memory: Fact[Bytes]{Value: 16 * GiB},
		InotifyInstances: Fact[int]{Value: 512}, InotifyWatches: Fact[int]{Value: 524288},
		Disks: []Disk{
			{Dir: "/cache", Device: 1, Free: Fact[Bytes]{Value: 26 * GiB}},
			{Dir: "/out", Device: 1, Free: Fact[Bytes]{Value: 26 * GiB}},
			{Dir: "/data", Device: 2, Free: Fact[Bytes]{Value: 5 * GiB}},
		},
	}
}

func cacheNeed(size Bytes) DiskNeed {
	return DiskNeed{Dir: "/cache", Size: size, Purpose: "images built from modules", Change: "set ISTIO_CONFORMANCE_CACHE"}
}

func TestFindings(t *testing.T) {
	unreadable := errors.New("permission denied")
	tests := map[string]struct {
		change   func(*Facts)
		disk     []DiskNeed
		severity Severity // of the one finding; empty for none
		want     []string
	}{
		"nothing":     {func(*Facts) {}, []DiskNeed{cacheNeed(25 * GiB)}, "", nil},
		"exactly":     {func(*Facts) {}, []DiskNeed{cacheNeed(26 * GiB)}, "", nil},
		"disk":        {func(*Facts) {}, []DiskNeed{cacheNeed(30 * GiB)}, Error, []string{"26.0 GiB free", "/cache", "30.0 GiB", "set ISTIO_CONFORMANCE_CACHE"}},
		"sum of disk": {func(*Facts) {}, []DiskNeed{cacheNeed(25 * GiB), {Dir: "/out", Size: 2 * GiB, Purpose: "logs"}}, Error, []string{"27.0 GiB needed", "2.0 GiB for logs in /out"}},
		"other disk":  {func(*Facts) {}, []DiskNeed{cacheNeed(25 * GiB), {Dir: "/data", Size: 4 * GiB}}, "", nil},
		"disk that was not looked at": {
			func(*Facts) {}, []DiskNeed{{Dir: "/x", Size: GiB}}, Warning, []string{"/x", "unknown"}},
		"unreadable disk": {
			func(f *Facts) { f.Disks[0].Free = Fact[Bytes]{Err: unreadable} }, []DiskNeed{cacheNeed(GiB)}, Warning, []string{"/cache", "permission denied"}},
		"memory":         {func(f *Facts) { f.Memory.Value = 5 * GiB }, nil, Warning, []string{"5.0 GiB", "6.0 GiB"}},
		"unknown memory": {func(f *Facts) { f.Memory = Fact[Bytes]{Err: unreadable} }, nil, Warning, []string{"memory", "permission denied"}},
		"instances":      {func(f *Facts) { f.InotifyInstances.Value = 255 }, nil, Warning, []string{"255 inotify instances", "sysctl fs.inotify"}},
		"watches":        {func(f *Facts) { f.InotifyWatches.Value = 8192 }, nil, Warning, []string{"8192 inotify watches", "sysctl fs.inotify"}},
		"unknown limit":  {func(f *Facts) { f.InotifyWatches = Fact[int]{Err: unreadable} }, nil, Warning, []string{"watches", "permission denied"}},
		"cgroup v1":      {func(f *Facts) { f.Cgroup.Value = CgroupV1 }, nil, OK, []string{"v1", "1.35", "failCgroupV1"}},
		"hybrid":         {func(f *Facts) { f.Cgroup.Value = CgroupHybrid }, nil, OK, []string{"hybrid", "1.35"}},
		"unknown cgroup": {func(f *Facts) { f.Cgroup = Fact[Cgroup]{Err: unreadable} }, nil, Warning, []string{"permission denied"}},
		"capabilities":   {func(f *Facts) { f.MissingCapabilities.Value = []string{"CAP_SYS_RESOURCE"} }, nil, OK, []string{"CAP_SYS_RESOURCE"}},
		"capabilities of a user": {
			func(f *Facts) { f.UID, f.MissingCapabilities.Value = 1000, []string{"CAP_SYS_RESOURCE"} }, nil, "", nil},
		"unknown capabilities": {
			func(f *Facts) { f.MissingCapabilities = Fact[[]string]{Err: unreadable} }, nil, Warning, []string{"permission denied"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			facts := ample()
			tt.change(&facts)
			got := Findings(facts, Needs{Disk: tt.disk, Memory: MinMemory})
			if tt.severity == "" {
				if len(got) != 0 {
					t.Errorf("got %v, want nothing", got)
				}
				return
			}
			if len(got) != 1 || got[0].Severity != tt.severity {
				t.Fatalf("got %+v, want one finding that is %s", got, tt.severity)
			}
			for _, want := range tt.want {
				if !strings.Contains(got[0].String(), want) {
					t.Errorf("%q is not in %q", want, got[0])
				}
			}
		})
	}
}

func TestIPv6IsAskedForBeforeAnythingIsBuilt(t *testing.T) {
	facts := ample()
	if got := Findings(facts, Needs{Memory: MinMemory}); len(got) != 0 {
		t.Errorf("nobody asked for IPv6: %v", got)
	}
	got := Findings(facts, Needs{Memory: MinMemory, IPv6: true})
	if len(got) != 1 || got[0].Severity != Error || !strings.Contains(got[0].String(), "ipFamily") {
		t.Errorf("a kernel without IPv6: %v", got)
	}
	facts.IPv6.Value = true
	if got := Findings(facts, Needs{Memory: MinMemory, IPv6: true}); len(got) != 0 {
		t.Errorf("a kernel with IPv6: %v", got)
	}
}
