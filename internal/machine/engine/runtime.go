package engine

import (
	"context"
	"fmt"
	"path/filepath"

	"istio-conformance/internal/process/project"
)

// capboundName is the name under which the private engine knows the OCI runtime
// cmd/capbound-runtime.
const capboundName = "istio-conformance-capbound"

// buildCapbound makes the OCI runtime cmd/capbound-runtime available at path, whose
// last element is the program's name.
func buildCapbound(ctx context.Context, path string) error {
	root, err := project.Root()
	if err == nil {
		_, err = project.Program(ctx, filepath.Base(path), root, filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("the OCI runtime for missing capabilities: %w", err)
	}
	return nil
}
