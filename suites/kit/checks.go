package kit

import (
	"cmp"
	"slices"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// Checks are a feature's checks. Each adds itself in its own file, and nothing else names
// it:
//
//	var _ = Checks.Add(refused)
type Checks struct {
	// On returns the stack that all of them get; nil is the suite's.
	On func(*stack.Stack) *stack.Stack
	// SkipIf returns why none of them can be made here; nil is that they always can.
	SkipIf func(*stack.Stack) string

	added []added
}

// added is what makes a check, and its place.
type added struct {
	place int
	build func(*stack.Stack) check.Check
}

// Add adds a check whose place has no meaning, which is 0. What it returns is for the
// blank variable.
func (c *Checks) Add(build func(*stack.Stack) check.Check) struct{} { return c.AddAt(0, build) }

// AddAt adds a check that comes after those of lower places and before those of higher
// ones. Checks of one place follow each other by name. Of checks that run alone each needs
// a place of its own: it finds what the one before it has left.
func (c *Checks) AddAt(place int, build func(*stack.Stack) check.Check) struct{} {
	c.added = append(c.added, added{place, build})
	return struct{}{}
}

// build returns the checks in their order.
func (c *Checks) build(s *stack.Stack) []check.Check {
	if c.On != nil {
		s = c.On(s)
	}
	var all []check.Check
	places := map[string]int{}
	for _, a := range c.added {
		built := a.build(s)
		built.SkipIf = SkipFirst(asked(s, c.SkipIf), built.SkipIf)
		all, places[built.Name] = append(all, built), a.place
	}
	slices.SortFunc(all, func(a, b check.Check) int {
		return cmp.Or(places[a.Name]-places[b.Name], cmp.Compare(a.Name, b.Name))
	})
	return all
}

// asked asks for a reason with a stack; nil stays nil.
func asked(s *stack.Stack, why func(*stack.Stack) string) func() string {
	if why == nil {
		return nil
	}
	return func() string { return why(s) }
}
