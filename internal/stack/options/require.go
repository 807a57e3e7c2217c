package options

import (
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/report"
	"istio-conformance/internal/stack"
)

// What Options.Require can be. Machines differ in what they can measure, and what cannot
// be measured is no failure of Istio: a run passes without its latency unless the user
// gates on that.
const (
	RequireLatency = report.Latency
	RequireNone    = "none"
)

func (o *Options) registerRequire() {
	o.text(&o.Require, "require", "REQUIRE", "", "what must be judged, or the run is invalid: latency or none; default: latency for an upgrade and with -load full, else none")
}

// completeRequire refuses what cannot be required, and fills in what is required of a run
// that is made for its measurements.
func (o *Options) completeRequire() error {
	switch o.Require {
	case RequireNone:
	case RequireLatency:
		if o.Kubeconfig != "" && o.Scope != stack.ScopeNamespace {
			return exitcode.Usagef("REQUIRE=latency CLUSTER=existing: latency is measured only where backends are made; add SCOPE=namespace, or leave REQUIRE out")
		}
	case "":
		o.Require = RequireNone
		if o.Upgrade != nil || o.Load == "full" {
			o.Require = RequireLatency
		}
	default:
		return exitcode.Usagef("REQUIRE=%s: want latency or none", o.Require)
	}
	return nil
}

// Required is Require as a report has it.
func (o *Options) Required() []string {
	if o.Require == RequireLatency {
		return []string{report.Latency}
	}
	return nil
}
