package installation

import (
	"strings"
)

// Layout is how the mesh is set up before a journey begins.
type Layout string

const (
	// Plain has one control plane without a revision's name.
	Plain Layout = "plain"
	// Tagged is Plain with a revision tag that namespace and gateway follow.
	Tagged Layout = "tagged"
	// Managed is Plain with a gateway that istiod deploys for a Gateway of the Gateway API.
	Managed Layout = "managed"
)

// Versions are what a state of the mesh consists of; of the control planes each
// is there, and nothing else.
type Versions struct {
	Base, Gateway, Workloads string
	ControlPlanes            []string
}

// Of is the version of what a step changes.
func (v Versions) Of(name string) string {
	switch name {
	case "base":
		return v.Base
	case "gateway":
		return v.Gateway
	case "workloads":
		return v.Workloads
	}
	return strings.Join(v.ControlPlanes, "+")
}

// With returns the versions after a component was changed.
func (v Versions) With(name, version string) Versions {
	switch name {
	case "base":
		v.Base = version
	case "istiod":
		v.ControlPlanes = []string{version}
	case "gateway":
		v.Gateway = version
	case "workloads":
		v.Workloads = version
	}
	return v
}
