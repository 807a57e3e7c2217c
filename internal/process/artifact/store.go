package artifact

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"istio-conformance/internal/process/filelock"
	"istio-conformance/internal/process/progress"
)

// Store is a directory of artifacts that several runs may share. Create one
// with Open.
type Store struct {
	dir  string
	logf progress.Logf

	mu      sync.Mutex
	entries map[ID]*entry
}

// entry is one artifact as this run sees it.
type entry struct {
	once sync.Once
	path string
	lock *filelock.Lock
	err  error
}

// Open returns the store in dir, which is created when missing.
func Open(dir string, logf progress.Logf) (*Store, error) {
	if err := os.MkdirAll(filepath.Join(dir, lockDir), 0o755); err != nil {
		return nil, fmt.Errorf("create the artifact store: %w", err)
	}
	return &Store{dir: dir, logf: logf, entries: map[ID]*entry{}}, nil
}

// lockDir holds one lock file an artifact. The files stay: removing one would
// let two runs hold the lock of one name on different files.
const lockDir = ".locks"

// Close lets other runs prune what this one used.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for id, e := range s.entries {
		if e.lock != nil {
			errs = append(errs, e.lock.Close())
		}
		delete(s.entries, id)
	}
	return errors.Join(errs...)
}

// Has reports whether the artifact is there, without building it.
func (s *Store) Has(id ID) bool {
	info, err := os.Stat(filepath.Join(s.dir, id.String()))
	return err == nil && info.IsDir()
}

// Ensure returns the directory of the artifact. When it is missing, build
// fills an empty directory that becomes the artifact only if build succeeds.
// Of several callers, in this run or in others, one builds and the rest wait.
// Until Close no run prunes the artifact.
func (s *Store) Ensure(ctx context.Context, id ID, build func(ctx context.Context, dir string) error) (string, error) {
	s.mu.Lock()
	e, known := s.entries[id]
	if !known {
		e = &entry{}
		s.entries[id] = e
	}
	s.mu.Unlock()
	e.once.Do(func() { e.path, e.lock, e.err = s.ensure(ctx, id, build) })
	return e.path, e.err
}

func (s *Store) ensure(ctx context.Context, id ID, build func(context.Context, string) error) (_ string, _ *filelock.Lock, err error) {
	l, err := filelock.Open(filepath.Join(s.dir, lockDir, id.String()))
	if err != nil {
		return "", nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, l.Close())
		}
	}()
	path := filepath.Join(s.dir, id.String())
	waiting := func() { s.logf("waiting for another run that builds or removes %s", id.Name) }
	for tries := (&tries{lock: l, waiting: waiting}); ; {
		// Exclusive to build, shared to use. What is there is looked at after
		// the lock again: another run may have built or pruned it meanwhile.
		how := filelock.Alone
		if s.Has(id) {
			how = filelock.Together
		}
		taken, err := tries.next(ctx, how)
		if err != nil {
			return "", nil, err
		}
		switch there := s.Has(id); {
		case !taken:
		case there && how == filelock.Together:
			return path, l, touch(path)
		case !there && how == filelock.Alone:
			if err := s.build(ctx, id, build); err != nil {
				return "", nil, err
			}
		}
	}
}

// build makes the artifact in a directory beside it and renames that one. The
// caller holds the exclusive lock, so older ones are of runs that died.
func (s *Store) build(ctx context.Context, id ID, build func(context.Context, string) error) (err error) {
	prefix := ".building-" + id.String() + "-"
	dead, err := filepath.Glob(filepath.Join(s.dir, prefix+"*"))
	if err != nil {
		return fmt.Errorf("look for unfinished builds of %s: %w", id, err)
	}
	for _, dir := range dead {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("remove an unfinished build: %w", err)
		}
	}
	dir, err := os.MkdirTemp(s.dir, prefix)
	if err != nil {
		return fmt.Errorf("make room for %s: %w", id, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(dir))
		}
	}()
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	if err := build(ctx, dir); err != nil {
		return err
	}
	return os.Rename(dir, filepath.Join(s.dir, id.String()))
}

// touch notes that the artifact was used now; Prune removes the oldest first.
func touch(path string) error {
	now := time.Now()
	return os.Chtimes(path, now, now)
}
