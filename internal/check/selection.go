package check

import (
	"slices"
	"strings"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/spelling"
)

// Selection says which checks run. The zero value selects all of them.
type Selection struct {
	patterns []string
	// alternatives are the expressions of Narrow; one must hold.
	alternatives [][]term
}

// Select parses a comma-separated list of suite, suite/name or suite:feature and
// refuses what names none of the suites' checks, with exit status exitcode.Usage.
func Select(list string, suites []Suite) (Selection, error) {
	var s Selection
	for pattern := range strings.SplitSeq(list, ",") {
		if pattern = strings.TrimSpace(pattern); pattern == "" {
			continue
		}
		one := Selection{patterns: []string{pattern}}
		if !slices.ContainsFunc(suites, one.touches) {
			return s, exitcode.Usagef("RUN: no check has the name %q; %s%s", pattern, allowed(pattern, suites), spelling.DidYouMean(pattern, names(suites)))
		}
		s.patterns = append(s.patterns, pattern)
	}
	return s, nil
}

// Includes reports whether the suite's check is selected, and not only needed.
func (s Selection) Includes(suite string, c Check) bool {
	named := len(s.patterns) == 0 || slices.ContainsFunc(s.patterns, func(pattern string) bool {
		return pattern == suite || pattern == suite+"/"+c.Name || c.Feature != "" && pattern == suite+":"+c.Feature
	})
	return named && s.narrowed(suite, c)
}

// Plan returns the suites with the selected checks and, before them, the gates
// on which they stand.
func (s Selection) Plan(suites []Suite) []Suite {
	last := slices.IndexFunc(suites, s.touches)
	for i, suite := range suites {
		if s.touches(suite) {
			last = i
		}
	}
	var plan []Suite
	for i, suite := range suites {
		if i > last {
			break
		}
		lastCheck := len(suite.Checks) - 1
		if i == last {
			for lastCheck >= 0 && !s.Includes(suite.Name, suite.Checks[lastCheck]) {
				lastCheck--
			}
		}
		planned := Suite{Name: suite.Name}
		for _, c := range suite.Checks[:lastCheck+1] {
			if c.Gate || s.Includes(suite.Name, c) {
				planned.Checks = append(planned.Checks, c)
			}
		}
		if len(planned.Checks) > 0 {
			plan = append(plan, planned)
		}
	}
	return plan
}

// Count returns the number of checks of the suites.
func Count(suites []Suite) int {
	n := 0
	for _, suite := range suites {
		n += len(suite.Checks)
	}
	return n
}

// IDs returns suite/name of each check.
func IDs(suites []Suite) []string {
	var all []string
	for _, suite := range suites {
		for _, c := range suite.Checks {
			all = append(all, suite.Name+"/"+c.Name)
		}
	}
	return all
}

// touches reports whether any check of the suite is selected.
func (s Selection) touches(suite Suite) bool {
	return slices.ContainsFunc(suite.Checks, func(c Check) bool { return s.Includes(suite.Name, c) })
}

// allowed says what can be named: the checks of the suite that is meant as far as they
// fit a line, else the suites.
func allowed(pattern string, suites []Suite) string {
	var all []string
	for _, suite := range suites {
		all = append(all, suite.Name)
		if rest, meant := strings.CutPrefix(pattern, suite.Name); meant && rest != "" && strings.ContainsRune("/:", rune(rest[0])) {
			if its := names([]Suite{suite}); len(its) <= mostNamed {
				return "want one of: " + strings.Join(its, " ")
			}
			return "LIST=1 in place of RUN shows the names of suite " + suite.Name
		}
	}
	return "want a suite, suite/name or suite:feature; the suites are: " + strings.Join(all, " ") + "; LIST=1 in place of RUN shows all names"
}

// mostNamed is how many names an error may list.
const mostNamed = 20

func names(suites []Suite) []string {
	var all []string
	for _, suite := range suites {
		all = append(all, suite.Name)
		for _, c := range suite.Checks {
			if feature := suite.Name + ":" + c.Feature; c.Feature != "" && !slices.Contains(all, feature) {
				all = append(all, feature)
			}
			all = append(all, suite.Name+"/"+c.Name)
		}
	}
	return all
}
