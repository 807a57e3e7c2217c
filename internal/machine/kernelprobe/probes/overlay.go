package probes

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// overlay mounts an overlay as a container runtime does, and reads and writes
// through it.
func overlay() Result {
	return inSandbox(func(s *sandbox) Result {
		path := func(name string) string { return filepath.Join(s.dir, name) }
		for _, dir := range []string{"lower", "upper", "work", "merged"} {
			if err := os.Mkdir(path(dir), 0o755); err != nil {
				return cannotTell(err.Error())
			}
		}
		if err := os.WriteFile(path("lower/image"), []byte("image"), 0o644); err != nil {
			return cannotTell(err.Error())
		}
		options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", path("lower"), path("upper"), path("work"))
		err := unix.Mount("overlay", path("merged"), "overlay", 0, options)
		if errors.Is(err, unix.EPERM) {
			return cannotTell("mount an overlay: " + err.Error())
		}
		if err != nil {
			return fails(fmt.Errorf("failed to mount overlay: %w", err))
		}
		if content, err := os.ReadFile(path("merged/image")); err != nil || string(content) != "image" {
			return fails(fmt.Errorf("a file of the lower layer reads as %q (%w)", content, err))
		}
		if err := os.WriteFile(path("merged/container"), nil, 0o644); err != nil {
			return fails(err)
		}
		if _, err := os.Stat(path("upper/container")); err != nil {
			return fails(fmt.Errorf("a new file is not in the upper layer: %w", err))
		}
		return works("mounted, a file of the lower layer read, one of the upper layer written")
	})
}
