package browser

import (
	"fmt"
	"strings"
)

// Violation is a rule of accessibility that the page breaks.
type Violation struct {
	ID     string `json:"id"`
	Impact string `json:"impact"`
	Help   string `json:"help"`
	Nodes  []struct {
		HTML    string `json:"html"`
		Summary string `json:"failureSummary"`
	} `json:"nodes"`
}

// String names the rule and the first places that break it.
func (v Violation) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s (%s): %s, at %d places", v.ID, v.Impact, v.Help, len(v.Nodes))
	for i, n := range v.Nodes {
		if i == 3 {
			break
		}
		fmt.Fprintf(&text, "\n  %.200s\n    %s", n.HTML, strings.ReplaceAll(n.Summary, "\n", " "))
	}
	return text.String()
}

// Accessibility runs axe-core, whose source is given, in the page, and returns
// what it finds, and how many rules the page was held against.
func (p *Page) Accessibility(axe string) (violations []Violation, passed int, err error) {
	type result struct {
		Violations []Violation `json:"violations"`
		Passes     int         `json:"passes"`
	}
	if _, err := Evaluate[bool](p, axe+";true"); err != nil {
		return nil, 0, fmt.Errorf("load axe-core: %w", err)
	}
	found, err := Evaluate[result](p, `axe.run(document, {resultTypes: ['violations']}).then((r) => ({violations: r.violations, passes: r.passes.length}))`)
	if err != nil {
		return nil, 0, fmt.Errorf("run axe-core: %w", err)
	}
	return found.Violations, found.Passes, nil
}
