package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"istio-conformance/internal/machine/engine"
)

// runFile receives a program on its standard input, runs it and removes it, however
// it ends. A node's /tmp is a tmpfs without room to spare, so it goes to the root
// directory. Should nobody wait any more it ends by itself.
const runFile = `f=/istio-conformance-program.$$; trap 'rm -f "$f"' EXIT
cat >"$f" && chmod 0700 "$f" && timeout "$0" "$f" "$@"`

// runFileTime bounds a program in a node when its caller's context does not.
const runFileTime = time.Minute

// ExecFile copies a program of this machine into a node, runs it there as root with
// the arguments and removes it again, all in one call of the engine. The program is
// static, for the node has none of its libraries. It returns standard output, and
// with an error of exec.ExitError the status that the program ended with.
func (c *Cluster) ExecFile(ctx context.Context, node, program string, args ...string) (string, error) {
	if _, err := c.node(node); err != nil {
		return "", err
	}
	return RunFileIn(ctx, c.engine, node, program, args...)
}

// RunFileIn is ExecFile for a node of KindNodes.
func RunFileIn(ctx context.Context, e *engine.Engine, node, program string, args ...string) (_ string, err error) {
	file, err := os.Open(program)
	if err != nil {
		return "", fmt.Errorf("node %s: program for it: %w", node, err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	limit := strconv.Itoa(int(runFileTime.Seconds()))
	if deadline, ok := ctx.Deadline(); ok {
		limit = strconv.Itoa(int(time.Until(deadline).Seconds()) + 1)
	}
	run := e.Command(file, append([]string{"exec", "--interactive", node, "bash", "-c", runFile, limit}, args...)...)
	out, err := run.Output(ctx)
	if err != nil {
		return out, fmt.Errorf("node %s: %w", node, err)
	}
	return out, nil
}
