// Package catalogue lists the checks: for people, for programs and as
// docs/catalogue.md.
package catalogue

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"istio-conformance/internal/check"
	"istio-conformance/internal/report/markdown"
	"istio-conformance/internal/report/wording"
)

// Entry is one check.
type Entry struct {
	// ID is suite/name, as RUN takes it.
	ID      string `json:"id"`
	Suite   string `json:"suite"`
	Feature string `json:"feature,omitempty"`
	Name    string `json:"name"`
	Promise string `json:"promise"`
	// Gate checks must pass before those behind them are run.
	Gate     bool `json:"gate,omitempty"`
	Parallel bool `json:"parallel,omitempty"`
	// Breaks are the ways in which make mutate or make test-kernel makes it fail.
	Breaks []Break `json:"breaks,omitempty"`
	// Unbroken says why there is none.
	Unbroken string `json:"unbroken,omitempty"`
}

// Break is one way to make a check fail.
type Break struct {
	Name    string `json:"name"`
	Promise string `json:"promise"`
	// Guest says that it is made in the emulated machine of make test-kernel.
	Guest bool `json:"guest,omitempty"`
}

// Of returns the suites' checks; breaks are by the checks' ids.
func Of(suites []check.Suite, breaks map[string][]Break) []Entry {
	var all []Entry
	for _, s := range suites {
		for _, c := range s.Checks {
			id := s.Name + "/" + c.Name
			by := slices.Clone(breaks[id])
			slices.SortFunc(by, func(a, b Break) int { return strings.Compare(a.Name, b.Name) })
			all = append(all, Entry{ID: id, Suite: s.Name, Feature: c.Feature, Name: c.Name, Promise: c.Promise, Gate: c.Gate, Parallel: c.Parallel, Breaks: by})
		}
	}
	return all
}

// Text lists the entries for a terminal.
func Text(entries []Entry) string {
	width := 0
	for _, e := range entries {
		width = max(width, len(e.ID))
	}
	var b strings.Builder
	suite, feature := "", ""
	for _, e := range entries {
		if e.Suite != suite {
			fmt.Fprintf(&b, "%s%s\n", strings.Repeat("\n", min(1, b.Len())), e.Suite)
			suite, feature = e.Suite, ""
		}
		if e.Feature != feature {
			fmt.Fprintf(&b, "  %s:%s\n", e.Suite, e.Feature)
			feature = e.Feature
		}
		gate := ""
		if e.Gate {
			gate = " (gate)"
		}
		fmt.Fprintf(&b, "    %-*s  %s%s\n", width, e.ID, e.Promise, gate)
	}
	fmt.Fprintf(&b, "\n%s\n", wording.Plural(len(entries), "check"))
	return b.String()
}

// JSON lists the entries for programs.
func JSON(entries []Entry) (string, error) {
	content, err := json.MarshalIndent(struct {
		Schema string  `json:"schema"`
		Checks []Entry `json:"checks"`
	}{"istio-conformance/catalogue/v1", entries}, "", "  ")
	return string(content) + "\n", err
}

// Markdown is docs/catalogue.md.
func Markdown(entries []Entry, runs Runs) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Catalogue of the checks\n\n<!-- Written by make catalogue from the checks themselves; a unit test fails when it is stale. -->\n\n")
	broken := 0
	for _, e := range entries {
		if len(e.Breaks) > 0 {
			broken++
		}
	}
	fmt.Fprintf(&b, "%s. `make e2e RUN=<name>` runs one of them with the gates before it. A gate must pass\nbefore the checks behind it are run. `make mutate` breaks the system on purpose, and `make test-kernel`\na kernel in QEMU, and both demand that exactly the right checks turn red: %d of the checks have a break\nthere, and of the others it is said why not.\n\nThe last columns say on which day a run with that profile last showed the promise. \"never run\"\nis code and no proof: no run that was recorded with `istio-conformance list ran` has shown it. The day behind\na break is that of the last recorded `make mutate` in which exactly its checks turned red, with their cause.\n", wording.Plural(len(entries), "check"), broken)
	suite, feature, open := "", "-", false
	for _, e := range entries {
		if e.Suite != suite {
			fmt.Fprintf(&b, "\n## %s\n", e.Suite)
			suite, feature, open = e.Suite, "-", false
		}
		if e.Feature != feature {
			if feature = e.Feature; feature != "" {
				fmt.Fprintf(&b, "\n### %s\n", feature)
			}
			open = false
		}
		if !open {
			fmt.Fprintf(&b, "\n| check | promise | broken by | %s |\n|---|---|---%s|\n", strings.Join(Profiles, " | "), strings.Repeat("|---", len(Profiles)))
			open = true
		}
		name := "`" + e.ID + "`"
		if e.Gate {
			name += " (gate)"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |", name, markdown.Escape(e.Promise), e.brokenBy(runs))
		for _, profile := range Profiles {
			fmt.Fprintf(&b, " %s |", runs.last(profile, e.ID))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// brokenBy names the breaks and the day on which each was last seen, or says why there
// are none.
func (e *Entry) brokenBy(runs Runs) string {
	var played, guest []string
	for _, k := range e.Breaks {
		if k.Guest {
			guest = append(guest, k.Name)
		} else {
			played = append(played, "`"+k.Name+"` "+cmp.Or(runs[mutations][k.Name], "(no recorded run)"))
		}
	}
	if len(guest) > 0 {
		played = append(played, "QEMU: "+markdown.Escape(strings.Join(guest, "; ")))
	}
	if e.Unbroken != "" {
		played = append(played, "nothing: "+markdown.Escape(e.Unbroken))
	}
	return strings.Join(played, ", ")
}
