package kernelprobe

import (
	"context"

	"istio-conformance/internal/process/project"
)

// programName is the program that inspects one machine, cmd/kernel-probe.
const programName = "kernel-probe"

// Program returns the path of a static kernel-probe, for nodes to run.
func Program(ctx context.Context, root, dir string) (string, error) {
	return project.Program(ctx, programName, root, dir)
}
