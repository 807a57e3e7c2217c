package modules

import (
	"errors"
	"fmt"
	"os"
)

// inScratch calls do with a directory for temporary files that is removed with
// them: a program that is interrupted leaves them behind.
func inScratch(do func(dir string) error) (err error) {
	dir, err := os.MkdirTemp("", "istio-conformance-")
	if err != nil {
		return fmt.Errorf("make room for temporary files: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	// apt drops its privileges and must still be able to enter.
	if err := os.Chmod(dir, 0o755); err != nil {
		return err
	}
	return do(dir)
}
