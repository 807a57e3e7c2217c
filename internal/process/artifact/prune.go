package artifact

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"istio-conformance/internal/process/filelock"
)

// Limits bound a store.
type Limits struct {
	// Generations is how many artifacts of one name are kept.
	Generations int
	// Bytes is how much all artifacts may hold together.
	Bytes int64
}

// stored is one artifact as found on disk.
type stored struct {
	id   ID
	path string
	used time.Time
	size int64
}

// Prune removes the artifacts used longest ago until the store keeps to the
// limits. What a run has in use stays.
func (s *Store) Prune(limits Limits) error {
	found, err := s.list()
	if err != nil {
		return err
	}
	var total int64
	generation := map[string]int{}
	for _, a := range found {
		total += a.size
	}
	kept := found[:0]
	for _, a := range found {
		generation[a.id.Name]++
		if generation[a.id.Name] <= limits.Generations {
			kept = append(kept, a)
			continue
		}
		removed, err := s.remove(a)
		if err != nil {
			return err
		}
		if removed {
			total -= a.size
		}
	}
	for _, a := range slices.Backward(kept) {
		if total <= limits.Bytes {
			return nil
		}
		removed, err := s.remove(a)
		if err != nil {
			return err
		}
		if removed {
			total -= a.size
		}
	}
	return nil
}

// list returns the artifacts, the one used last first.
func (s *Store) list() ([]stored, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("list the artifacts: %w", err)
	}
	var found []stored
	for _, e := range entries {
		cut := strings.LastIndexByte(e.Name(), '-')
		if !e.IsDir() || strings.HasPrefix(e.Name(), ".") || cut < 0 {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // another run has just removed it
		}
		if err != nil {
			return nil, fmt.Errorf("list the artifacts: %w", err)
		}
		path := filepath.Join(s.dir, e.Name())
		size, err := DiskUsage(path)
		if err != nil {
			return nil, err
		}
		id := ID{Name: e.Name()[:cut], Key: e.Name()[cut+1:]}
		found = append(found, stored{id: id, path: path, used: info.ModTime(), size: size})
	}
	slices.SortFunc(found, func(a, b stored) int { return b.used.Compare(a.used) })
	return found, nil
}

// remove deletes an artifact unless a run, this one included, has it in use.
func (s *Store) remove(a stored) (removed bool, err error) {
	l, err := filelock.Open(filepath.Join(s.dir, lockDir, a.id.String()))
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	if err := l.Try(filelock.Alone); err != nil {
		if errors.Is(err, filelock.ErrLocked) {
			return false, nil
		}
		return false, err
	}
	// Renamed first, so that a half-removed directory is never taken for the
	// artifact. A later build of the same ID sweeps it up if this run dies.
	doomed := filepath.Join(s.dir, ".building-"+a.id.String()+"-pruned")
	if err := os.Rename(a.path, doomed); err != nil {
		return false, fmt.Errorf("prune %s: %w", a.id, err)
	}
	if err := os.RemoveAll(doomed); err != nil {
		return false, fmt.Errorf("prune %s: %w", a.id, err)
	}
	s.logf("removed %s from the cache: not used since %s", a.id, a.used.Format(time.DateOnly))
	return true, nil
}

// links is how many names a file has: artifacts may share files.
func links(info fs.FileInfo) int64 {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok && stat.Nlink > 1 {
		return int64(stat.Nlink)
	}
	return 1
}

// DiskUsage adds up the sizes of the files below dir, in bytes. A file that
// has other names too counts in part.
func DiskUsage(dir string) (int64, error) {
	var total int64
	err := filepath.WalkDir(dir, func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				return nil // removed by another run meanwhile
			}
			return err
		}
		info, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && info.Mode().IsRegular() {
			total += info.Size() / links(info)
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("measure %s: %w", dir, err)
	}
	return total, nil
}
