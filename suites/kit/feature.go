package kit

import (
	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// Feature is one thing that the system under test promises: the checks that
// prove it and the ways to break it. It is a package below its suite's.
type Feature struct {
	// Name is kebab-case, and what the report and the catalogue call it; empty for what
	// all other features need.
	Name string
	// Checks are the feature's checks.
	Checks *Checks
	// Mutations returns what must make these checks fail; nil is none.
	Mutations func() []mutation.Mutation
}

// Suite returns a suite of the features' checks, each labelled with its feature. skipIf
// says why none of them can be made; nil is that they always can.
func Suite(s *stack.Stack, name string, skipIf func(*stack.Stack) string, features []Feature) check.Suite {
	suite := check.Suite{Name: name}
	for _, f := range features {
		for _, c := range f.Checks.build(s) {
			c.Feature, c.SkipIf = f.Name, SkipFirst(asked(s, skipIf), c.SkipIf)
			suite.Checks = append(suite.Checks, c)
		}
	}
	return suite
}

// Mutations returns the features' mutations in order.
func Mutations(features []Feature) []mutation.Mutation {
	var all []mutation.Mutation
	for _, f := range features {
		if f.Mutations != nil {
			all = append(all, f.Mutations()...)
		}
	}
	return all
}
