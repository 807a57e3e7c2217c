package modules

import (
	"context"
	"errors"
	"fmt"
	"os"

	"istio-conformance/internal/command"
)

// inScratch runs a program whose temporary files go into a directory that is
// removed with it: a program that is interrupted leaves them behind.
func inScratch(ctx context.Context, c command.Command) (err error) {
	dir, err := os.MkdirTemp("", "istio-conformance-")
	if err != nil {
		return fmt.Errorf("make room for temporary files: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	// apt drops its privileges and must still be able to enter.
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	c.Env = append(c.Env, "TMPDIR="+dir)
	_, err = c.Output(ctx)
	return err
}
