package project

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"istio-conformance/internal/exitcode"
	"istio-conformance/internal/images/gobuild"
)

// Program returns the path of a static program of this project, for nodes to run.
// Where there is Go it is built from cmd/<name> of the checkout at root into dir,
// each time, so that it is never an old one: go's own cache makes that a matter of
// a second. Elsewhere it is the one beside this program.
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
	path := filepath.Join(filepath.Dir(self), name)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", exitcode.Environmentf("there is neither go in PATH to build %s with, nor %s: copy it from a checkout's bin/ after make", name, path)
	}
	return path, nil
}
