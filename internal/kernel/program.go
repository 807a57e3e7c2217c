package kernel

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"istio-conformance/internal/command"
	"istio-conformance/internal/exitcode"
)

// programName is the program that inspects one machine, cmd/kernel-probe.
const programName = "kernel-probe"

// Program returns the path of a static kernel-probe, for nodes to run. Where there
// is Go it is built from the checkout at root into dir, each time, so that it is
// never an old one: go's own cache makes that a matter of a second. Elsewhere it is
// the one beside this program.
func Program(ctx context.Context, root, dir string) (string, error) {
	if _, err := exec.LookPath("go"); err == nil {
		path := filepath.Join(dir, programName)
		build := command.Command{
			// Without version control stamps: the checkout may belong to another user.
			Args: []string{"go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", path, "./cmd/" + programName},
			Dir:  root,
			Env:  []string{"CGO_ENABLED=0"},
		}
		if _, err := build.Output(ctx); err != nil {
			return "", fmt.Errorf("build %s: %w", programName, err)
		}
		return path, nil
	}
	self, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find %s: %w", programName, err)
	}
	path := filepath.Join(filepath.Dir(self), programName)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return "", exitcode.Environmentf("there is neither go in PATH to build %s with, nor %s: copy it from a checkout's bin/ after make", programName, path)
	}
	return path, nil
}
