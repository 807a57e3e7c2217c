package engine

import (
	"context"
	"fmt"

	"istio-conformance/internal/command"
	"istio-conformance/internal/project"
)

// capboundName is the name under which the private engine knows the OCI runtime
// cmd/capbound-runtime.
const capboundName = "istio-conformance-capbound"

// buildCapbound builds cmd/capbound-runtime from the checkout into path. It is
// built each time that an engine is started, so that it is never an old one: go's
// own cache makes that a matter of a second.
func buildCapbound(ctx context.Context, path string) error {
	root, err := project.Root()
	if err != nil {
		return fmt.Errorf("build the OCI runtime for missing capabilities: %w", err)
	}
	build := command.Command{
		// Without version control stamps: the checkout may belong to another user.
		Args: []string{"go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w", "-o", path, "./cmd/capbound-runtime"},
		Dir:  root,
		Env:  []string{"CGO_ENABLED=0"},
	}
	if _, err := build.Output(ctx); err != nil {
		return fmt.Errorf("build the OCI runtime for missing capabilities: %w", err)
	}
	return nil
}
