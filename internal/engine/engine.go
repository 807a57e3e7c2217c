// Package engine finds the Docker engine that runs the nodes, or starts a
// private one: an engine that runs already is used as it is and never stopped.
package engine

import (
	"context"
	"fmt"
	"os"
	"strings"

	"istio-conformance/internal/command"
	"istio-conformance/internal/progress"
)

// Engine is a Docker engine that answers.
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
	// using holds a shared lock as long as this process uses a private engine.
	using *os.File
	logf  progress.Logf
}

// Docker runs the docker CLI against this engine and returns its standard
// output. The error of a failed command holds the last lines it printed.
func (e *Engine) Docker(ctx context.Context, args ...string) (string, error) {
	return (&command.Command{Args: append([]string{"docker"}, args...), Env: e.Env()}).Output(ctx)
}

// Env returns what a program needs in its environment to reach this engine.
func (e *Engine) Env() []string {
	if e.Host == "" {
		return nil
	}
	return []string{"DOCKER_HOST=" + e.Host}
}

// HasImage reports whether the engine holds the image reference.
func (e *Engine) HasImage(ctx context.Context, ref string) (bool, error) {
	_, err := e.Docker(ctx, "image", "inspect", "--format", "{{.Id}}", ref)
	if err == nil {
		return true, nil
	}
	// The CLI exits with 1 for every failure; the words are the engine's own.
	if strings.Contains(strings.ToLower(err.Error()), "no such image") {
		return false, nil
	}
	return false, fmt.Errorf("look for image %s: %w", ref, err)
}

// Load reads an archive as "docker save" writes it into the engine.
func (e *Engine) Load(ctx context.Context, archivePath string) error {
	if _, err := e.Docker(ctx, "load", "--quiet", "--input", archivePath); err != nil {
		return fmt.Errorf("load the images of %s: %w", archivePath, err)
	}
	return nil
}

// Pull fetches an image reference from its registry.
func (e *Engine) Pull(ctx context.Context, ref string) error {
	if _, err := e.Docker(ctx, "pull", "--quiet", ref); err != nil {
		return fmt.Errorf("pull image %s: %w", ref, err)
	}
	return nil
}
