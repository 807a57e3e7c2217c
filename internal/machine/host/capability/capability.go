// Package capability names the Linux capabilities that a process can never
// have. It depends on the standard library alone: a container runtime that is
// started for every process in a container uses it.
package capability

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// names holds the kernel's capabilities by number.
// Source: capabilities(7), include/uapi/linux/capability.h.
var names = []string{
	"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID",
	"CAP_KILL", "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_LINUX_IMMUTABLE",
	"CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST", "CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK",
	"CAP_IPC_OWNER", "CAP_SYS_MODULE", "CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE",
	"CAP_SYS_PACCT", "CAP_SYS_ADMIN", "CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE",
	"CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG", "CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE",
	"CAP_AUDIT_CONTROL", "CAP_SETFCAP", "CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG",
	"CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND", "CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF",
	"CAP_CHECKPOINT_RESTORE",
}

// set is a set of capabilities, one bit each.
type set uint64

// parseBounding returns the bounding set in the content of a /proc/<pid>/status:
// what the process and all that it starts can have at most.
// Source: proc_pid_status(5), field CapBnd.
func parseBounding(status string) (set, error) {
	for line := range strings.Lines(status) {
		value, ok := strings.CutPrefix(line, "CapBnd:")
		if !ok {
			continue
		}
		mask, err := strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		if err != nil {
			return 0, fmt.Errorf("field CapBnd: %w", err)
		}
		return set(mask), nil
	}
	return 0, errors.New("no field CapBnd")
}

// missing returns the names of the capabilities up to number last that are not
// in the set, in the kernel's order. One that has no name here is not returned.
func (s set) missing(last int) []string {
	var missing []string
	for number, name := range names {
		if number <= last && s&(1<<number) == 0 {
			missing = append(missing, name)
		}
	}
	return missing
}

// Missing returns what this process, and with it all that it starts, can never
// have of the capabilities that the kernel knows: "docker run --privileged" asks
// for every one. proc is the directory of the proc file system.
// Source: capabilities(7), /proc/sys/kernel/cap_last_cap.
func Missing(proc string) ([]string, error) {
	status, err := os.ReadFile(filepath.Join(proc, "self", "status"))
	if err != nil {
		return nil, fmt.Errorf("read the bounding set: %w", err)
	}
	bounding, err := parseBounding(string(status))
	if err != nil {
		return nil, fmt.Errorf("read the bounding set: %w", err)
	}
	content, err := os.ReadFile(filepath.Join(proc, "sys", "kernel", "cap_last_cap"))
	if err != nil {
		return nil, fmt.Errorf("read the kernel's last capability: %w", err)
	}
	last, err := strconv.Atoi(strings.TrimSpace(string(content)))
	if err != nil {
		return nil, fmt.Errorf("read the kernel's last capability: %w", err)
	}
	return bounding.missing(last), nil
}
