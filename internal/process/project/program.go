package project

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/gobuild"
)

// Program returns the path of a static program of this project in dir, for nodes to
// run. Where there is Go it is built from cmd/<name> of the checkout at root, each
// time, so that it is never an old one: go's own cache makes that a matter of a
// second. Elsewhere it is a copy of the one beside this program.
func Program(ctx context.Context, name, root, dir string) (string, error) {
	if _, err := exec.LookPath("go"); err == nil {
		path := filepath.Join(dir, name)
		if err := gobuild.Own(ctx, root, "./cmd/"+name, path); err != nil {
			return "", fmt.Errorf("build %s: %w", name, err)
		}
		return path, nil
	}
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find %s: %w", name, err)
	}
	return copyOf(filepath.Join(filepath.Dir(self), name), dir)
}

// copyOf copies a program into dir and returns the copy's path.
func copyOf(program, dir string) (string, error) {
	name := filepath.Base(program)
	content, err := os.ReadFile(program)
	if errors.Is(err, fs.ErrNotExist) {
		return "", exitcode.Environmentf("there is neither go in PATH to build %s with, nor %s: run make programs where there is Go, and copy all of bin/", name, program)
	}
	path := filepath.Join(dir, name)
	if err == nil {
		// A file that is being run cannot be written, but replaced.
		err = errors.Join(os.MkdirAll(dir, 0o755), os.RemoveAll(path), os.WriteFile(path, content, 0o755))
	}
	if err != nil {
		return "", fmt.Errorf("copy %s: %w", name, err)
	}
	return path, nil
}
