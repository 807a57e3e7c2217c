// Package engine finds the container engine that runs the nodes, or starts a
// private Docker engine: one that runs already is used as it is and never stopped.
// With podman, see package provider, there is nothing to start.
package engine

import (
	"context"
	"fmt"
	"os"
	"strings"

	"istio-conformance/internal/machine/provider"
	"istio-conformance/internal/process/command"
	"istio-conformance/internal/process/progress"
)

// Engine is a container engine that answers.
type Engine struct {
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
	using *os.File
	logf  progress.Logf
}

// CLI runs the engine's own program against it and returns its standard output. The error of a failed command holds the last lines it printed.
func (e *Engine) CLI(ctx context.Context, args ...string) (string, error) {
	return (&command.Command{Args: append([]string{provider.Name()}, args...), Env: e.Env()}).Output(ctx)
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

// Export puts Env into this process's environment: kind runs the engine's program
// itself, and finds the engine by it.
func (e *Engine) Export() error {
	for _, variable := range e.Env() {
		name, value, _ := strings.Cut(variable, "=")
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return nil
}

// String returns which engine it is, in one line.
func (e *Engine) String() string {
	if provider.Name() == provider.Podman {
		return fmt.Sprintf("podman %s", e.Info)
	}
	return fmt.Sprintf("Docker engine %s", e.Info)
}

// HasImage reports whether the engine holds the image reference.
func (e *Engine) HasImage(ctx context.Context, ref string) (bool, error) {
	_, err := e.CLI(ctx, "image", "inspect", "--format", "{{.Id}}", ref)
	if err == nil {
		return true, nil
	}
	// The CLI exits with 1 for every failure; the words are the engine's own.
	if words := strings.ToLower(err.Error()); strings.Contains(words, "no such image") || strings.Contains(words, "image not known") {
		return false, nil
	}
	return false, fmt.Errorf("look for image %s: %w", ref, err)
}

// Load reads an archive as "docker save" writes it into the engine.
func (e *Engine) Load(ctx context.Context, archivePath string) error {
	out, err := e.CLI(ctx, "load", "--quiet", "--input", archivePath)
	if err != nil {
		return fmt.Errorf("load the images of %s: %w", archivePath, err)
	}
	if provider.Name() != provider.Podman {
		return nil
	}
	if err := e.nameAsDocker(ctx, out); err != nil {
		return fmt.Errorf("name the images of %s: %w", archivePath, err)
	}
	return nil
}

// Pull fetches an image reference from its registry.
func (e *Engine) Pull(ctx context.Context, ref string) error {
	if _, err := e.CLI(ctx, "pull", "--quiet", ref); err != nil {
		return fmt.Errorf("pull image %s: %w", ref, err)
	}
	return nil
}
