// Package install checks what an operator believes after helm install: that the
// charts are deployed, the CRDs serve what they should and istiod does its work.
// Each of these beliefs is a package below this one, with its checks and the ways
// to break them.
package install

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/install/certificates"
	"istio-conformance/suites/install/configuration"
	"istio-conformance/suites/install/crds"
	"istio-conformance/suites/install/discovery"
	"istio-conformance/suites/install/helm"
	"istio-conformance/suites/install/injection"
	"istio-conformance/suites/install/order"
	"istio-conformance/suites/install/profiles"
	"istio-conformance/suites/install/redirection"
	"istio-conformance/suites/install/resilience"
	"istio-conformance/suites/install/serverside"
	"istio-conformance/suites/install/validation"
	"istio-conformance/suites/install/verify"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// features are what the suite is made of, in the order in which they run.
var features = []kit.Feature{
	{Name: "order", Checks: &order.Checks, Mutations: order.Mutations},
	{Name: "crds", Checks: &crds.Checks, Mutations: crds.Mutations},
	{Name: "verify", Checks: &verify.Checks, Mutations: verify.Mutations},
	{Name: "configuration", Checks: &configuration.Checks, Mutations: configuration.Mutations},
	{Name: "discovery", Checks: &discovery.Checks, Mutations: discovery.Mutations},
	{Name: "certificates", Checks: &certificates.Checks},
	{Name: "validation", Checks: &validation.Checks, Mutations: validation.Mutations},
	{Name: "injection", Checks: &injection.Checks, Mutations: injection.Mutations},
	{Name: "redirection", Checks: &redirection.Checks},
	{Name: "profiles", Checks: &profiles.Checks, Mutations: profiles.Mutations},
	{Name: "helm", Checks: &helm.Checks, Mutations: helm.Mutations},
	{Name: "server-side", Checks: &serverside.Checks},
	{Name: "resilience", Checks: &resilience.Checks, Mutations: resilience.Mutations},
}

// Suite returns the checks of an installation of Istio by its charts.
func Suite(s *stack.Stack) check.Suite { return kit.Suite(s, "install", nil, features) }

// Mutations returns the ways to break what the suite checks.
func Mutations() []mutation.Mutation { return kit.Mutations(features) }
