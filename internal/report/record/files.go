package record

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"istio-conformance/internal/report"
)

// Names in a run's directory, and beside it.
const (
	evidenceName = "evidence"
	latestName   = "latest"
)

// createRunDir creates dir/run and points dir/latest at it. A directory that
// already holds a report is refused: two runs must not mix their evidence.
func createRunDir(dir, run string) (string, error) {
	if run == latestName || run != fileName(run) {
		return "", fmt.Errorf("run id %q: want letters, digits, dots, dashes and underscores, and not %q", run, latestName)
	}
	path := filepath.Join(dir, run)
	if _, err := os.Stat(filepath.Join(path, report.JSONName)); err == nil {
		return "", fmt.Errorf("%s already holds the report of a run: choose another run id", path)
	}
	if err := os.MkdirAll(path, 0o755); err != nil {
		return "", fmt.Errorf("create the run's directory: %w", err)
	}
	if err := pointLatest(dir, run); err != nil {
		return "", err
	}
	return path, nil
}

// pointLatest makes dir/latest a link to run, in one step, so that a reader
// never finds it missing. The target is relative: out/ can be moved or archived.
func pointLatest(dir, run string) error {
	temporary := filepath.Join(dir, "."+latestName+"-"+run)
	if err := os.Remove(temporary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove an old link: %w", err)
	}
	if err := os.Symlink(run, temporary); err != nil {
		return fmt.Errorf("link the latest run: %w", err)
	}
	if err := os.Rename(temporary, filepath.Join(dir, latestName)); err != nil {
		return errors.Join(fmt.Errorf("link the latest run: %w", err), os.Remove(temporary))
	}
	return nil
}

// writeFile replaces the file in one step: a reader sees the old content or the
// new, never a part of it.
func writeFile(path string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("write %s: %w", path, err), os.Remove(f.Name()))
		}
	}()
	_, err = f.Write(content)
	err = errors.Join(err, f.Chmod(0o644), f.Close())
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// fileName makes a name safe as one element of a path.
func fileName(s string) string {
	s = strings.Map(func(c rune) rune {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.ContainsRune("._-", c):
			return c
		}
		return '-'
	}, s)
	if strings.Trim(s, ".") == "" {
		return "unnamed"
	}
	return s
}
