package engine

import (
	"errors"
	"os"
	"strings"
	"syscall"

	"istio-conformance/internal/process/progress"
)

// modulesDir is mounted into each node by kind. Where it is missing, as on a kernel
// without modules, podman refuses to start the node, and Docker makes the directory and
// leaves it there.
const modulesDir = "/lib/modules"

// makeModulesDir makes the directory where it is missing, and notes that it did.
func (l layout) makeModulesDir(dir string, logf progress.Logf) error {
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(l.data, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(l.modulesMade(), []byte(dir+"\n"), 0o644); err != nil {
		return err
	}
	logf("making the empty directory %s, which kind mounts into nodes and podman wants to be there", dir)
	return os.MkdirAll(dir, 0o755)
}

// removeModulesDir removes the directory that makeModulesDir made, unless something
// is in it now.
func (l layout) removeModulesDir() error {
	made, err := os.ReadFile(l.modulesMade())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.Remove(strings.TrimSpace(string(made))); err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ENOTEMPTY) {
		return err
	}
	return os.Remove(l.modulesMade())
}
