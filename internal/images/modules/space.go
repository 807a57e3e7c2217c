package modules

import (
	"context"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"istio-conformance/internal/process/command"
	"istio-conformance/internal/process/exitcode"
)

// Free space in GiB that a build needs: with an empty compiler cache, measured
// at 13 GiB, and with nothing to compile.
const (
	coldSpace = 15
	warmSpace = 5
)

// checkSpace fails when a directory that the build writes to is too full.
func checkSpace(ctx context.Context, cacheDir string, compiles bool) error {
	need := uint64(warmSpace)
	dirs := []string{cacheDir}
	if compiles {
		need = coldSpace
		found, err := command.Output(ctx, "go", "env", "GOCACHE", "GOMODCACHE")
		if err != nil {
			return err
		}
		dirs = append(dirs, strings.Fields(found)...)
	}
	for _, dir := range dirs {
		free, err := freeGiB(dir)
		if err != nil {
			return err
		}
		if free < need {
			return exitcode.Environmentf("not enough disk space in %s to build the images: %d GiB free, %d GiB needed; free some, or point ISTIO_CONFORMANCE_CACHE, GOCACHE and GOMODCACHE to a larger disk", dir, free, need)
		}
	}
	return nil
}

// freeGiB returns what an ordinary user may still write below dir. A directory
// that does not exist yet counts as having the room of its nearest parent.
func freeGiB(dir string) (uint64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(existing(dir), &fs); err != nil {
		return 0, fmt.Errorf("measure the free space of %s: %w", dir, err)
	}
	return fs.Bavail * uint64(fs.Bsize) >> 30, nil
}
