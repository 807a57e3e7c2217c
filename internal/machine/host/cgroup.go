package host

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
)

// Cgroup is a layout of control groups.
type Cgroup string

// The layouts. Containers use v1 where it is hybrid.
const (
	CgroupV1     Cgroup = "v1"
	CgroupHybrid Cgroup = "hybrid"
	CgroupV2     Cgroup = "v2"
)

// cgroupDir is where systems mount their control groups.
const cgroupDir = "/sys/fs/cgroup"

// readCgroup returns the layout from what is mounted: v2 alone is one file system
// at cgroupDir, v1 one for each controller below it, hybrid both below it.
// Source: systemd, docs/CGROUP_DELEGATION.md, "Three Different Tree Setups".
func readCgroup(proc string) (Cgroup, error) {
	mountinfo, err := os.ReadFile(filepath.Join(proc, "self", "mountinfo"))
	if err != nil {
		return "", err
	}
	v1, v2 := false, false
	for line := range strings.Lines(string(mountinfo)) {
		// Source of the fields: proc_pid_mountinfo(5).
		mount, filesystem, ok := strings.Cut(line, " - ")
		fields := strings.Fields(mount)
		if !ok || len(fields) < 5 || !isOrBelow(fields[4], cgroupDir) {
			continue
		}
		kind, _, _ := strings.Cut(filesystem, " ")
		v1 = v1 || kind == "cgroup"
		v2 = v2 || kind == "cgroup2"
	}
	switch {
	case v1 && v2:
		return CgroupHybrid, nil
	case v1:
		return CgroupV1, nil
	case v2:
		return CgroupV2, nil
	}
	return "", errors.New("no control groups are mounted below " + cgroupDir)
}

// isOrBelow says whether path is the directory or below it.
func isOrBelow(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, dir+"/")
}
