package guest

import (
	"fmt"
	"slices"
	"strings"
)

// Wrong says how a result differs from what is to be said about its case; empty
// when it does not.
func (c *Case) Wrong(r *Result) string {
	switch red := slices.Sorted(slices.Values(r.Red())); {
	case r.Problem != "":
		return "the case could not be made: " + r.Problem
	case !slices.Equal(red, slices.Sorted(slices.Values(c.Red))):
		return fmt.Sprintf("want red: %s; is red: %s", list(c.Red), list(red))
	case len(c.Red) == 0 && r.Verdict != "pass" && c.complete():
		return "nothing is red, and yet the verdict is " + r.Verdict
	case len(c.Red) > 0 && r.Verdict != "fail":
		return "something is red, and yet the verdict is " + r.Verdict
	}
	return ""
}

// complete says that nothing keeps the case from being judged whole.
func (c *Case) complete() bool { return c.Tools == "" || c.For != "" }

// Table returns the results as a table in Markdown.
func Table(cases []Case, results []Result) string {
	var b strings.Builder
	b.WriteString("| case | iptables | Istio chose | verdict | red | seen | as wanted | s |\n|---|---|---|---|---|---|---|---|\n")
	for i := range results {
		c, r := &cases[i], &results[i]
		red := slices.Sorted(slices.Values(r.Red()))
		var seen []string
		for _, name := range red {
			seen = append(seen, strings.ReplaceAll(r.Reason[name], "|", `\|`))
		}
		wanted := "yes"
		if wrong := c.Wrong(r); wrong != "" {
			wanted = "NO: " + wrong
		}
		tools := c.Tools
		if tools == "" {
			tools = BothTools
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %.1f |\n", c.Name, tools, r.Backend, r.Verdict, list(red), strings.Join(seen, "; "), wanted, r.Seconds)
	}
	return b.String()
}

func list(names []string) string {
	if len(names) == 0 {
		return "nothing"
	}
	return strings.Join(names, ", ")
}
