package engine

import (
	"cmp"

	"istio-conformance/internal/process/exitcode"
)

// Kind is a container engine, by the name of its program; empty means Docker.
type Kind string

// The engines on which kind can run its nodes and this project can too.
const (
	Docker Kind = "docker"
	Podman Kind = "podman"
)

// Variable names the engine. It is kind's own, so that its users need not learn another.
// Source: https://kind.sigs.k8s.io/docs/user/rootless/, "Creating a kind cluster with Rootless Podman".
const Variable = "KIND_EXPERIMENTAL_PROVIDER"

// String returns the name of the engine's program.
func (k Kind) String() string { return string(cmp.Or(k, Docker)) }

// Title is the engine's name for people.
func (k Kind) Title() string {
	if k == Podman {
		return "podman"
	}
	return "Docker"
}

// Choice is what the user's environment says of the engine.
type Choice struct {
	// Kind is the engine.
	Kind Kind
	// DockerHost is the user's DOCKER_HOST; empty when it is not set.
	DockerHost string
	// PodmanConf is the user's CONTAINERS_CONF; empty when it is not set.
	PodmanConf string
}

// ReadChoice reads the environment. An engine that is not known here is an error
// with status exitcode.Usage.
func ReadChoice(getenv func(string) string) (Choice, error) {
	c := Choice{Kind: Kind(cmp.Or(getenv(Variable), string(Docker))), DockerHost: getenv("DOCKER_HOST"), PodmanConf: getenv(podmanConfVariable)}
	if c.Kind != Docker && c.Kind != Podman {
		return c, exitcode.Usagef("%s=%s: want %s or %s", Variable, c.Kind, Docker, Podman)
	}
	return c, nil
}

// Unasked returns the engine as its own program finds it, without asking whether it
// answers.
func (c Choice) Unasked() *Engine { return &Engine{Kind: c.Kind} }
