package probes

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// The capabilities that the probes need, by their numbers.
// Source: capabilities(7), include/uapi/linux/capability.h.
var needed = []struct {
	name   string
	number int
}{{"CAP_NET_ADMIN", 12}, {"CAP_SYS_ADMIN", 21}}

// identityMap is the uid_map of the initial user namespace.
// Source: user_namespaces(7).
var identityMap = []string{"0", "0", "4294967295"}

// Obstacle returns why nothing can be probed, and "" when all can. proc is the
// directory of the proc file system.
//
// In a user namespace nothing is probed although the kernel might allow it: the
// process has its capabilities over that namespace only, user 1337 does not exist
// in it, and what fails there works for Istio, which runs outside.
func Obstacle(proc string) (string, error) {
	status, err := os.ReadFile(filepath.Join(proc, "self", "status"))
	if err != nil {
		return "", fmt.Errorf("read this process's capabilities: %w", err)
	}
	effective, err := parseEffective(string(status))
	if err != nil {
		return "", fmt.Errorf("read this process's capabilities: %w", err)
	}
	uidMap, err := os.ReadFile(filepath.Join(proc, "self", "uid_map"))
	if err != nil {
		return "", fmt.Errorf("read this process's user namespace: %w", err)
	}
	var lacks []string
	for _, c := range needed {
		if effective&(1<<c.number) == 0 {
			lacks = append(lacks, c.name)
		}
	}
	if len(lacks) > 0 {
		return "no " + strings.Join(lacks, ", no "), nil
	}
	if !slices.Equal(strings.Fields(string(uidMap)), identityMap) {
		return "no CAP_NET_ADMIN outside this user namespace", nil
	}
	return "", nil
}

// parseEffective returns the effective capabilities in the content of a
// /proc/<pid>/status. Source: proc_pid_status(5), field CapEff.
func parseEffective(status string) (uint64, error) {
	for line := range strings.Lines(status) {
		if value, ok := strings.CutPrefix(line, "CapEff:"); ok {
			return strconv.ParseUint(strings.TrimSpace(value), 16, 64)
		}
	}
	return 0, fmt.Errorf("no field CapEff")
}
