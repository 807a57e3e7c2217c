package e2e

import (
	"context"
	"fmt"
	"os"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/stack/options"
	"istio-conformance/suites/upgrade"
)

// upgradeSuite returns the upgrade that the options ask for.
func upgradeSuite(s *stack.Stack, o *options.Options) check.Suite {
	u := o.Upgrade
	how := upgrade.Options{Budget: u.Budget, Rate: u.Rate, Repeat: u.Repeat, Values: u.Values, Soak: u.Soak, Force: o.Force}
	if o.Mutate {
		return upgrade.Breaks(s, how)
	}
	return upgrade.Suite(s, how)
}

// resolve decides what is built, and refuses an upgrade that Istio does not
// support before anything is touched.
func resolve(s *stack.Builder, o *options.Options) error {
	s.Say = func(format string, args ...any) { fmt.Fprintf(os.Stderr, "istio-conformance: "+format+"\n", args...) }
	if err := s.Resolve(context.Background()); err != nil || o.Upgrade == nil || o.Force {
		return err
	}
	return upgrade.Refused(s.Stack)
}
