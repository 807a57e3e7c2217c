package published

import (
	"strings"
	"time"
)

// date turns a date of Istio's table, such as "Sept 5, 2023" or "~Feb 2027 (Expected)",
// into one of ours, "2023-09-05" or "2027-02 expected", quoted. What it does not
// understand leaves what was there.
func date(text, was string) string {
	plain, expected := strings.CutSuffix(strings.TrimSpace(text), "(Expected)")
	plain = strings.Replace(strings.Trim(plain, "~ "), "Sept ", "Sep ", 1)
	suffix := ""
	if expected {
		suffix = " expected"
	}
	for _, format := range []struct{ from, to string }{
		{"Jan 2, 2006", time.DateOnly}, {"January 2, 2006", time.DateOnly}, {"2 Jan 2006", time.DateOnly}, {"Jan 2006", "2006-01"}, {"January 2006", "2006-01"},
	} {
		if when, err := time.Parse(format.from, plain); err == nil {
			return quoted(when.Format(format.to) + suffix)
		}
	}
	if was == "" {
		was = "unknown"
	}
	return quoted(was)
}
