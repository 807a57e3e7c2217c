package host

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Disk is the file system of a directory.
type Disk struct {
	// Dir is the directory as it was asked for.
	Dir string
	// Device is the same for two directories of one file system.
	Device uint64
	// Free is what this user may still write there.
	Free Fact[Bytes]
}

// readDisk returns the file system of dir, or of the nearest directory above it
// that exists.
func readDisk(dir string) Disk {
	disk := Disk{Dir: dir}
	var stat unix.Stat_t
	existing := filepath.Clean(dir)
	err := unix.Stat(existing, &stat)
	for errors.Is(err, fs.ErrNotExist) && existing != filepath.Dir(existing) {
		existing = filepath.Dir(existing)
		err = unix.Stat(existing, &stat)
	}
	if err != nil {
		disk.Free.Err = fmt.Errorf("stat %s: %w", existing, err)
		return disk
	}
	disk.Device = stat.Dev
	var space unix.Statfs_t
	if err := unix.Statfs(existing, &space); err != nil {
		disk.Free.Err = fmt.Errorf("read the free space of %s: %w", existing, err)
		return disk
	}
	// Bavail leaves out what is reserved for root.
	disk.Free.Value = Bytes(space.Bavail) * Bytes(space.Bsize)
	return disk
}
