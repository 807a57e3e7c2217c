package e2e

import (
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/stack/options"
)

// helm4 is Helm 4's library where it is compiled in: a hundred packages that a run with
// Helm 3 does not need.
var helm4 charts.Maker

// chooseHelm hands on the library of the Helm that is asked for.
func chooseHelm(o *options.Options) error {
	if o.Helm != stack.Helm4 {
		return nil
	}
	if helm4 == nil {
		return exitcode.Usagef("HELM=4: this program was compiled without Helm 4; make e2e HELM=4 compiles it in, and so does make bin/e2e.test HELM=4")
	}
	o.MakeHelm = helm4
	return nil
}
