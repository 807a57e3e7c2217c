package istio

import (
	"strings"

	"istio-conformance/internal/process/exitcode"
)

// Pair is two full versions that belong together in a cluster.
type Pair struct {
	// Istio is the version of Istio and of its charts, "1.31.0".
	Istio string `json:"istio"`
	// Kubernetes is the version of the nodes, "v1.36.3".
	Kubernetes string `json:"kubernetes"`
}

// Versions reads the pair. Errors have status exitcode.Usage.
func (p Pair) Versions() (istio, kubernetes Version, err error) {
	if istio, err = ParseVersion(p.Istio); err != nil {
		return istio, kubernetes, exitcode.Usagef("Istio's version: %w", err)
	}
	// Distributions add to it, as in v1.33.4+k3s1.
	plain, _, _ := strings.Cut(p.Kubernetes, "+")
	if kubernetes, err = ParseVersion(plain); err != nil {
		return istio, kubernetes, exitcode.Usagef("Kubernetes' version: %w", err)
	}
	return istio, kubernetes, nil
}
