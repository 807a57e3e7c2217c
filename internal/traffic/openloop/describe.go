package openloop

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// DescribeErrors returns the classes and their counts in one line.
func DescribeErrors(errors map[string]int64) string {
	parts := make([]string, 0, len(errors))
	for _, class := range slices.Sorted(maps.Keys(errors)) {
		parts = append(parts, fmt.Sprintf("%d %s", errors[class], class))
	}
	return strings.Join(parts, ", ")
}

// String is for people: what was held, the quantiles of each latency, what failed
// and whether to believe it.
func (r *Result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s: %.6g of %.6g requests/s held for %gs on %d connections; %d ok, %d failed\n",
		r.Protocol, r.URL, r.HeldRate(), float64(r.Counts.Planned)/r.Seconds, r.Seconds, r.Connections, r.Counts.OK, r.Counts.Failed)
	for _, line := range []struct {
		name string
		h    *Histogram
	}{{"response", r.Response}, {"service", r.Service}, {"own lag", r.OwnLag}} {
		fmt.Fprintf(&b, "  %-9s", line.name)
		for _, q := range shownQuantiles {
			fmt.Fprintf(&b, " %s %-10s", q.name, short(line.h.Quantile(q.q)))
		}
		b.WriteString("\n")
	}
	if len(r.Errors) > 0 {
		fmt.Fprintf(&b, "  failed: %s\n", DescribeErrors(r.Errors))
	}
	if r.Unheld != "" {
		fmt.Fprintf(&b, "  not held: %s\n", r.Unheld)
	}
	for _, reason := range r.Invalid {
		fmt.Fprintf(&b, "  INVALID: %s\n", reason)
	}
	return strings.TrimRight(b.String(), " \n")
}
