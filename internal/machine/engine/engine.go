// Package engine finds the container engine that runs the nodes, or starts a
// private Docker engine: one that runs already is used as it is and never stopped.
// With podman there is nothing to start.
package engine

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"

	"istio-conformance/internal/process/command"
	"istio-conformance/internal/process/filelock"
	"istio-conformance/internal/process/progress"
)

// Engine is a container engine that answers.
type Engine struct {
	// Kind is which engine it is.
	Kind Kind
	// Host is the value of DOCKER_HOST that reaches the engine; empty means
	// docker's own default, as the user's environment and context have it.
	Host string
	// Info is what the engine says of itself.
	Info Info
	// Owned says that the engine is this project's private one, whichever run
	// started it; only an owned engine is ever stopped.
	Owned bool
	// Started says that this call of Ensure started it.
	Started bool

	private layout
	// conf is the configuration that podman needs on this machine; empty is none.
	conf string
	// using holds a shared lock as long as this process uses a private engine.
	using *filelock.Lock
	logf  progress.Logf
}

// CLI runs the engine's own program against it and returns its standard output. The
// error of a failed command holds the last lines it printed.
func (e *Engine) CLI(ctx context.Context, args ...string) (string, error) {
	return e.Command(nil, args...).Output(ctx)
}

// Command is what CLI runs, with what it reads on standard input.
func (e *Engine) Command(stdin io.Reader, args ...string) *command.Command {
	return &command.Command{Args: append([]string{e.Kind.String()}, args...), Env: e.Env(), Stdin: stdin}
}

// Env returns what a program needs in its environment to reach this engine.
func (e *Engine) Env() []string {
	switch {
	case e.Host != "":
		return []string{"DOCKER_HOST=" + e.Host}
	case e.conf != "":
		return []string{podmanConfVariable + "=" + e.conf}
	}
	return nil
}

// Export puts Env into this process's environment. It is for kind alone, which runs
// the engine's program itself and finds the engine by it.
func (e *Engine) Export() error {
	for _, variable := range e.Env() {
		name, value, _ := strings.Cut(variable, "=")
		if err := os.Setenv(name, value); err != nil { //nolint:forbidigo // kind takes nothing else
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return nil
}

// String returns which engine it is, in one line.
func (e *Engine) String() string {
	if e.Kind == Podman {
		return fmt.Sprintf("podman %s", e.Info)
	}
	return fmt.Sprintf("Docker engine %s", e.Info)
}
