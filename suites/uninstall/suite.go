// Package uninstall takes Istio away and looks at what stays, tries the orders in
// which the charts must not be installed while there is no Istio to harm, and
// installs it again. It disturbs everything else, and so comes last.
package uninstall

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
	"istio-conformance/suites/uninstall/ambientorder"
	"istio-conformance/suites/uninstall/leftovers"
	"istio-conformance/suites/uninstall/reinstall"
	"istio-conformance/suites/uninstall/wrongorder"
)

// features follow each other: each begins where the one before ended.
var features = []kit.Feature{
	{Name: "leftovers", Checks: &leftovers.Checks, Mutations: leftovers.Mutations},
	{Name: "wrong-order", Checks: &wrongorder.Checks, Mutations: wrongorder.Mutations},
	{Name: "reinstall", Checks: &reinstall.Checks, Mutations: reinstall.Mutations},
	{Name: "ambient", Checks: &ambientorder.Checks, Mutations: ambientorder.Mutations},
}

// Suite returns the checks of Istio's removal and return.
func Suite(s *stack.Stack) check.Suite {
	return kit.Suite(s, "uninstall", (*stack.Stack).WhyNotOurs, features)
}

// Mutations returns the ways to break what the suite checks.
func Mutations() []mutation.Mutation { return kit.Mutations(features) }
