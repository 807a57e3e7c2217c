// Package provider says which container engine runs the nodes of kind's clusters.
package provider

import (
	"os"
	"strings"

	"istio-conformance/internal/process/exitcode"
)

// Variable is kind's own, so that its users need not learn another.
// Source: https://kind.sigs.k8s.io/docs/user/rootless/, "Creating a kind cluster with Rootless Podman".
const Variable = "KIND_EXPERIMENTAL_PROVIDER"

// The engines, by the name of their program.
const (
	Docker = "docker"
	Podman = "podman"
)

// Name returns the engine that the environment names, Docker when it names none.
func Name() string {
	if os.Getenv(Variable) == Podman {
		return Podman
	}
	return Docker
}

// Title is the engine's name for people.
func Title() string {
	if Name() == Podman {
		return "podman"
	}
	return "Docker"
}

// ImageID returns an image's id as Docker writes it; podman leaves the algorithm out.
func ImageID(printed string) string {
	return "sha256:" + strings.TrimPrefix(strings.TrimSpace(printed), "sha256:")
}

// Save returns the arguments by which the engine writes images to one archive; their
// references follow. Podman wants to be told that there may be several.
func Save(archive string) []string {
	args := []string{"image", "save", "--output", archive}
	if Name() == Podman {
		args = append(args, "--multi-image-archive")
	}
	return args
}

// Check refuses an engine that is neither, with status exitcode.Usage.
func Check() error {
	switch value := os.Getenv(Variable); value {
	case "", Docker, Podman:
		return nil
	default:
		return exitcode.Usagef("%s=%s: want %s or %s", Variable, value, Docker, Podman)
	}
}
