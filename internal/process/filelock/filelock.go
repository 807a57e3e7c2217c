// Package filelock takes advisory locks on files, by which runs of this project
// keep out of each other's way. A lock ends with its process at the latest.
package filelock

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// ErrLocked says that another run holds the lock.
var ErrLocked = errors.New("locked by another run")

// Poll is how often a lock held by another run is tried again. flock has no way
// to wait that a context could interrupt.
const Poll = 200 * time.Millisecond

// How is the kind of a lock.
type How int

// Alone keeps all others out; Together keeps out those that want to be alone.
const (
	Alone    How = unix.LOCK_EX
	Together How = unix.LOCK_SH
)

// held keeps every lock's file from the garbage collector, which would close the
// file of a lock that nobody refers to any more and so give it up.
var held sync.Map

// Lock is a lock on a file, taken or not.
type Lock struct{ file *os.File }

// Open opens the file of a lock, without taking it. What is missing is created.
func Open(path string) (*Lock, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("create the directory of a lock: %w", err)
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open a lock: %w", err)
	}
	held.Store(file, nil)
	return &Lock{file}, nil
}

// Try takes the lock, or returns ErrLocked at once. A lock that is held already
// changes its kind.
func (l *Lock) Try(how How) error {
	err := unix.Flock(int(l.file.Fd()), int(how)|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = ErrLocked
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", l.file.Name(), err)
	}
	return nil
}

// Close gives the lock up.
func (l *Lock) Close() error {
	held.Delete(l.file)
	return l.file.Close()
}

// Exclusive takes a lock alone, or returns ErrLocked at once.
func Exclusive(path string) (*Lock, error) { return take(path, Alone) }

// Shared takes a lock beside others that share it, or returns ErrLocked at once.
func Shared(path string) (*Lock, error) { return take(path, Together) }

func take(path string, how How) (*Lock, error) {
	l, err := Open(path)
	if err != nil {
		return nil, err
	}
	if err := l.Try(how); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}
