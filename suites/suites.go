// Package suites knows all suites, in the order in which they run: what an earlier
// one proves, a later one relies on.
package suites

import (
	"slices"
	"time"

	"istio-conformance/internal/check"
	"istio-conformance/internal/check/catalogue"
	requirements "istio-conformance/internal/machine/kernelprobe"
	"istio-conformance/internal/machine/kernelprobe/guest"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/ambient"
	"istio-conformance/suites/existing"
	"istio-conformance/suites/ingress"
	"istio-conformance/suites/install"
	"istio-conformance/suites/kernel"
	"istio-conformance/suites/load"
	"istio-conformance/suites/mutation"
	"istio-conformance/suites/outage"
	"istio-conformance/suites/soak"
	"istio-conformance/suites/uninstall"
)

// Extent is how much is looked at.
type Extent struct {
	// Load is how much latency is measured.
	Load load.Mode
	// Outages adds those of every night, AllOutages the others too.
	Outages, AllOutages bool
	// Soak adds a mesh that works for so long; 0 leaves it out.
	Soak time.Duration
}

// Whole is everything that there is.
var Whole = Extent{Load: load.Full, Outages: true, AllOutages: true, Soak: time.Hour}

// All returns the suites of the main job, with what takes minutes or hours where it is
// asked for.
func All(s *stack.Stack, e Extent) []check.Suite {
	all := []check.Suite{kernel.Suite(s), install.Suite(s), existing.Suite(s, install.Suite, ingress.Suite), ambient.Suite(s), ingress.Suite(s), load.Suite(s, e.Load)}
	if e.Outages || e.AllOutages {
		all = append(all, outage.Suite(s, e.AllOutages))
	}
	if e.Soak > 0 {
		all = append(all, soak.Suite(s, e.Soak))
	}
	return append(all, uninstall.Suite(s))
}

// Mutations returns the ways to break what several checks notice; the others come with
// their checks, see mutation.Own.
func Mutations() []mutation.Mutation {
	return slices.Concat(install.Mutations(), existing.Mutations(), ambient.Mutations(), ingress.Mutations(), load.Mutations(), uninstall.Mutations())
}

// addGuest adds what the emulated machine of make test-kernel lacks in turn.
func addGuest(breaks map[string][]catalogue.Break) {
	table, err := requirements.Requirements()
	if err != nil {
		return // the suite kernel then consists of a check that says so
	}
	for _, c := range guest.Cases() {
		for _, red := range c.Red {
			for _, name := range kernel.Reds(table, red) {
				breaks["kernel/"+name] = append(breaks["kernel/"+name], catalogue.Break{Name: c.Name, Promise: red + " is missed", Guest: true})
			}
		}
	}
}

// Catalogue returns every check with what breaks it.
func Catalogue() []catalogue.Entry {
	breaks := map[string][]catalogue.Break{}
	all := All(stack.New(stack.Config{}).Stack, Whole)
	for _, m := range append(Mutations(), mutation.Own(all)...) {
		for id := range m.Fails {
			breaks[id] = append(breaks[id], catalogue.Break{Name: m.Name, Promise: m.Promise})
		}
	}
	addGuest(breaks)
	entries := catalogue.Of(all, breaks)
	for i := range entries {
		entries[i].Unbroken = unbroken[entries[i].ID]
	}
	return entries
}
