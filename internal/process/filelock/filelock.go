// Package filelock takes advisory locks on files, by which runs of this project
// keep out of each other's way. A lock ends with its process at the latest.
package filelock

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrLocked says that another run holds the lock.
var ErrLocked = errors.New("locked by another run")

// Exclusive takes the lock for this run alone, or returns ErrLocked at once.
// Closing the file gives the lock up.
func Exclusive(path string) (*os.File, error) { return try(path, unix.LOCK_EX) }

// Shared takes the lock beside others that share it, or returns ErrLocked at
// once. Closing the file gives the lock up.
func Shared(path string) (*os.File, error) { return try(path, unix.LOCK_SH) }

func try(path string, how int) (*os.File, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("create the directory of a lock: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open a lock: %w", err)
	}
	err = unix.Flock(int(file.Fd()), how|unix.LOCK_NB)
	if err == nil {
		return file, nil
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = ErrLocked
	}
	return nil, errors.Join(fmt.Errorf("lock %s: %w", path, err), file.Close())
}
