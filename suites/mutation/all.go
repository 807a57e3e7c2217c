package mutation

import "slices"

// all returns the mutations in the order of the suites that they break.
func all() []mutation {
	return slices.Concat(installMutations(), ingressMutations())
}
