package engine

import (
	"context"
	"fmt"
	"strings"
)

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

// ImageID returns the id of an image that the engine holds, as Docker writes it.
func (e *Engine) ImageID(ctx context.Context, ref string) (string, error) {
	printed, err := e.CLI(ctx, "image", "inspect", "--format", "{{.Id}}", ref)
	if err != nil {
		return "", fmt.Errorf("identify the image %s: %w", ref, err)
	}
	// Podman leaves the algorithm out.
	return "sha256:" + strings.TrimPrefix(strings.TrimSpace(printed), "sha256:"), nil
}

// Save writes images to one archive, as "docker save" does.
func (e *Engine) Save(ctx context.Context, archivePath string, refs ...string) error {
	args := []string{"image", "save", "--output", archivePath}
	if e.Kind == Podman {
		// It wants to be told that there may be several.
		args = append(args, "--multi-image-archive")
	}
	if _, err := e.CLI(ctx, append(args, refs...)...); err != nil {
		return fmt.Errorf("save images: %w", err)
	}
	return nil
}

// Load reads an archive as "docker save" writes it into the engine.
func (e *Engine) Load(ctx context.Context, archivePath string) error {
	out, err := e.CLI(ctx, "load", "--quiet", "--input", archivePath)
	if err != nil {
		return fmt.Errorf("load the images of %s: %w", archivePath, err)
	}
	if e.Kind != Podman {
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
