package host

import (
	"fmt"
	"slices"
	"strings"
)

// Fact is something read from the machine: a value, or the reason why there is
// none. It is never guessed.
type Fact[T any] struct {
	// Value is the zero value when Err is set.
	Value T
	// Err says why the fact could not be read.
	Err error
}

// factOf makes a Fact of what a reading function returns.
func factOf[T any](value T, err error) Fact[T] {
	if err != nil {
		return Fact[T]{Err: err}
	}
	return Fact[T]{Value: value}
}

// String returns the value, or that it is unknown and why.
func (f Fact[T]) String() string {
	if f.Err != nil {
		return fmt.Sprintf("unknown (%v)", f.Err)
	}
	return fmt.Sprint(f.Value)
}

// Facts is what a machine is. A Docker engine in a virtual machine or elsewhere
// runs on another one.
type Facts struct {
	// OS is the distribution.
	OS Fact[OS]
	// Kernel is the kernel's release, such as "6.18.44".
	Kernel Fact[string]
	// Cgroup is the layout of the control groups.
	Cgroup Fact[Cgroup]
	// LoadableModules says whether the kernel can load modules at all.
	LoadableModules Fact[bool]
	// UID is the effective user id; 0 is root.
	UID int
	// MissingCapabilities are those that a privileged container asks for and
	// that this process, and with it root, can never have.
	MissingCapabilities Fact[[]string]
	// CPUs is the number of CPUs that this process may use.
	CPUs int
	// Memory is the machine's memory in bytes.
	Memory Fact[Bytes]
	// InotifyInstances and InotifyWatches are what one user may have.
	InotifyInstances, InotifyWatches Fact[int]
	// IPv6 says whether the kernel has IPv6, which each network namespace then has too.
	IPv6 Fact[bool]
	// Disks are the file systems of the directories that were asked for.
	Disks []Disk
}

// CgroupV1 says whether containers run on cgroup v1, as they do on a hybrid
// layout too. It is false when the layout is unknown.
func (f Facts) CgroupV1() bool {
	return f.Cgroup.Value == CgroupV1 || f.Cgroup.Value == CgroupHybrid
}

// Lacks says whether root lacks a capability, such as "CAP_SYS_RESOURCE". It is
// false when that is unknown.
func (f Facts) Lacks(capability string) bool {
	return slices.Contains(f.MissingCapabilities.Value, capability)
}

// String returns the facts in one line.
func (f Facts) String() string {
	parts := []string{
		f.OS.String(), "kernel " + f.Kernel.String(), "cgroup " + f.Cgroup.String(),
		fmt.Sprintf("%d CPUs", f.CPUs), "memory " + f.Memory.String(),
	}
	if f.UID == 0 {
		parts = append(parts, "root")
	} else {
		parts = append(parts, fmt.Sprintf("uid %d", f.UID))
	}
	if missing := f.MissingCapabilities; missing.Err != nil {
		parts = append(parts, "capabilities "+missing.String())
	} else if len(missing.Value) > 0 {
		parts = append(parts, "without "+strings.Join(missing.Value, " "))
	}
	if f.LoadableModules.Err == nil && !f.LoadableModules.Value {
		parts = append(parts, "no loadable kernel modules")
	}
	for _, disk := range f.Disks {
		parts = append(parts, fmt.Sprintf("%s free in %s", disk.Free, disk.Dir))
	}
	return strings.Join(parts, ", ")
}

// Bytes is a size that prints itself in GiB.
type Bytes uint64

// GiB is 2^30 bytes.
const GiB Bytes = 1 << 30

// String returns the size in GiB with one decimal.
func (b Bytes) String() string { return fmt.Sprintf("%.1f GiB", float64(b)/float64(GiB)) }
