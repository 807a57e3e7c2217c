// Package check is what a conformance check is made of: its name and promise,
// the assertions it makes, and how it runs as a feature of the e2e-framework
// and ends up in the report.
package check

import (
	"context"
	"time"
)

// DefaultTimeout bounds a check that names no timeout of its own.
const DefaultTimeout = 2 * time.Minute

// DefaultParallel is how many checks run at the same time. They mostly wait, for
// configuration to arrive and for requests to end, so that two cores carry them.
const DefaultParallel = 6

// Check is one behaviour that the system under test promises.
type Check struct {
	// Name is kebab-case and unique in its suite; suite/name selects it.
	Name string
	// Promise is the behaviour in one sentence, as the report shows it.
	Promise string
	// Feature is what of the system under test the check is about, such as
	// "retries"; several checks may prove one feature.
	Feature string
	// Parallel says that the check may run beside others: it changes only objects
	// of its own and judges nothing that others change.
	Parallel bool
	// Long says that a parallel check mostly waits: it starts before those that do
	// not, so that they run meanwhile.
	Long bool
	// Gate marks a check on which everything after it stands: when it does not
	// pass, the checks after it, also in later suites, are skipped and say why.
	Gate bool
	// Timeout bounds the check; zero means DefaultTimeout.
	Timeout time.Duration
	// SkipIf returns why the check cannot be made here; empty means that it can.
	// Nil means that it always can.
	SkipIf func() string
	// Run makes the assertions. ctx ends with the timeout or an interrupt.
	Run func(ctx context.Context, t *T)
	// Breaks are the ways to break what the check promises that are noticed by no
	// other check.
	Breaks []Break
}

// Break is a way to break the system under test, with which the check must fail.
type Break struct {
	// Name is kebab-case; Promise says what is noticed.
	Name, Promise string
	// Make breaks the system and registers how to mend it.
	Make func(ctx context.Context, t *T)
	// Says are words that the check's failure or its diagnosis must say.
	Says string
}

// Suite is a list of checks. A gate runs after all checks before it and before
// all after it; between two gates those that may run in parallel come first, the
// long ones before the others, and the rest follows one by one in its order.
type Suite struct {
	Name   string
	Checks []Check
}

// timeout returns how long the check may take; fallback is for one that names no
// time of its own.
func (c Check) timeout(fallback time.Duration) time.Duration {
	if c.Timeout == 0 {
		return fallback
	}
	return c.Timeout
}
