// Package install checks what an operator believes after helm install: that the
// charts are deployed, the CRDs serve what they should and istiod does its work.
package install

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Suite returns the checks of an installation of Istio by its charts.
func Suite(s *stack.Stack) check.Suite {
	return check.Suite{Name: "install", Checks: []check.Check{
		releases(s),
		namespace(s),
		crds(s),
		notedCRDs(s),
		istiodAvailable(s),
		xds(s),
		validation(s),
	}}
}
