// Package waits names how long things may take, so that a slow machine is a matter
// of an option and not of a patch.
package waits

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"istio-conformance/internal/process/exitcode"
)

// The waits that have a name. A check is named suite/check.
const (
	Nodes     = "nodes"
	Chart     = "chart"
	Check     = "check"
	Assertion = "assertion"
	Evidence  = "evidence"
	CleanUp   = "clean-up"
)

// Wait is a named wait.
type Wait struct{ Name, Description string }

// Known are the names with what they bound.
var Known = []Wait{
	{Nodes, "from the nodes' start until they are Ready"},
	{Chart, "the installation of one chart"},
	{Check, "a check that names no time of its own"},
	{Assertion, "what an assertion waits for, unless the check says otherwise"},
	{Evidence, "the evidence of one failure"},
	{CleanUp, "removing what the run made"},
}

// Waits are the times that the user chose, by name.
type Waits map[string]time.Duration

// Or returns the chosen time, or the fallback.
func (w Waits) Or(name string, fallback time.Duration) time.Duration {
	if chosen, ok := w[name]; ok {
		return chosen
	}
	return fallback
}

// Set parses name=duration, several of them separated by commas; it fits flag.Value.
func (w *Waits) Set(text string) error {
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, value, found := strings.Cut(part, "=")
		duration, err := time.ParseDuration(value)
		switch {
		case !found || err != nil:
			return fmt.Errorf("%q: want name=duration, such as nodes=5m", part)
		case duration <= 0:
			return fmt.Errorf("%q: want more than nothing", part)
		case !known(name):
			return fmt.Errorf("%q: no wait has this name; want suite/check or one of %s", name, strings.Join(names(), ", "))
		}
		if *w == nil {
			*w = Waits{}
		}
		(*w)[name] = duration
	}
	return nil
}

// String is what Set takes.
func (w *Waits) String() string {
	if w == nil {
		return ""
	}
	parts := make([]string, 0, len(*w))
	for name, duration := range *w {
		parts = append(parts, name+"="+duration.String())
	}
	slices.Sort(parts)
	return strings.Join(parts, ",")
}

// Validate refuses names of checks that there are not, with status exitcode.Usage.
func (w Waits) Validate(checks []string) error {
	for name := range w {
		if strings.Contains(name, "/") && !slices.Contains(checks, name) {
			return exitcode.Usagef("TIMEOUT=%s=%s: there is no check of this name", name, w[name])
		}
	}
	return nil
}

func known(name string) bool { return strings.Contains(name, "/") || slices.Contains(names(), name) }

func names() []string {
	all := make([]string, len(Known))
	for i, w := range Known {
		all[i] = w.Name
	}
	return all
}
