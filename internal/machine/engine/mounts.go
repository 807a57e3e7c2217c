package engine

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// mountEscapes are the characters that mountinfo writes in octal.
// Source: proc_pid_mountinfo(5), getmntent(3).
var mountEscapes = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// mountsBelow returns the mount points in or below the directories, from the
// content of a mountinfo file, the last mounted first.
func mountsBelow(mountinfo string, dirs ...string) []string {
	var points []string
	for line := range strings.Lines(mountinfo) {
		fields := strings.Fields(line)
		if len(fields) < 5 {
			continue
		}
		point := mountEscapes.Replace(fields[4])
		if slices.ContainsFunc(dirs, func(dir string) bool { return point == dir || strings.HasPrefix(point, dir+"/") }) {
			points = append(points, point)
		}
	}
	slices.Reverse(points)
	return points
}

// unmount takes away the mounts that a daemon left behind.
func (l layout) unmount() error {
	mountinfo, err := os.ReadFile(filepath.Join(procDir, "self", "mountinfo"))
	if err != nil {
		return fmt.Errorf("list the mounts: %w", err)
	}
	var errs []error
	for _, point := range mountsBelow(string(mountinfo), l.runtime, l.dataRoot()) {
		if err := unix.Unmount(point, unix.MNT_DETACH); err != nil {
			errs = append(errs, fmt.Errorf("unmount %s: %w", point, err))
		}
	}
	return errors.Join(errs...)
}
