package check

import (
	"fmt"

	"istio-conformance/internal/process/exitcode"
)

// Shard is one of several parts of the checks, which together are all of them. The zero
// value is all.
type Shard struct{ number, of int }

// ParseShard reads a shard such as 1/4; empty is all. What it refuses has status
// exitcode.Usage.
func ParseShard(text string) (Shard, error) {
	var s Shard
	if text == "" {
		return s, nil
	}
	if n, err := fmt.Sscanf(text, "%d/%d", &s.number, &s.of); n != 2 || err != nil || text != fmt.Sprintf("%d/%d", s.number, s.of) || s.number < 1 || s.number > s.of {
		return Shard{}, exitcode.Usagef("SHARD=%s: want the number of a part and how many there are, such as 1/4, the first of four", text)
	}
	return s, nil
}

// Plan keeps every so manieth check, in the order of the suites, and all gates.
func (s Shard) Plan(suites []Suite) []Suite {
	if s.of == 0 {
		return suites
	}
	var plan []Suite
	at := 0
	for _, suite := range suites {
		kept, own := Suite{Name: suite.Name}, 0
		for _, c := range suite.Checks {
			if c.Gate {
				kept.Checks = append(kept.Checks, c)
				continue
			}
			if at%s.of == s.number-1 {
				kept.Checks = append(kept.Checks, c)
				own++
			}
			at++
		}
		if own > 0 {
			plan = append(plan, kept)
		}
	}
	return plan
}

// Rest is what is left of a plan when the checks with these ids are done; gates stay
// with what is behind them.
func Rest(suites []Suite, done map[string]bool) []Suite {
	var plan []Suite
	for _, suite := range suites {
		kept, own := Suite{Name: suite.Name}, 0
		for _, c := range suite.Checks {
			if !c.Gate && done[suite.Name+"/"+c.Name] {
				continue
			}
			kept.Checks = append(kept.Checks, c)
			if !c.Gate {
				own++
			}
		}
		if own > 0 {
			plan = append(plan, kept)
		}
	}
	return plan
}
