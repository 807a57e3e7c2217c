package gate

import (
	"fmt"
	"slices"

	"istio-conformance/internal/report"
	"istio-conformance/internal/traffic/openloop"
)

// judgeAll judges every question at look number look, from 0. When cut says that the
// time was over before, what the last look saw stands, and failed requests count.
func (c *Comparison) judgeAll(rules *Rules, look int, cut string) {
	for _, q := range c.All() {
		q.Measured = c.Measured
		if cut == "" || look == 0 {
			q.judgeQuantiles(rules, look)
		}
		q.conclude(rules, cut)
	}
}

// decided says whether more rounds would change nothing: the candidate failed, a
// request did, or every question has its answer.
func (c *Comparison) decided() bool {
	passed := 0
	for _, p := range c.Paths {
		if p.Failed > 0 {
			return true
		}
	}
	for _, q := range c.All() {
		switch q.Verdict {
		case report.VerdictFail:
			return true
		case report.VerdictPass:
			passed++
		}
	}
	return passed == 1+len(c.Also)
}

// judgeQuantiles applies the rules to each quantile.
func (c *Comparison) judgeQuantiles(rules *Rules, look int) {
	c.Judgements, c.Looks = nil, look+1
	for i := range rules.Quantiles {
		j := rules.judge(c, look, i)
		j.doubt(c.queue())
		j.waive()
		c.Judgements = append(c.Judgements, j)
	}
}

// conclude sets the verdict. What makes the latencies no measurement comes before
// what they say; a request that the candidate failed is a failure in any case.
func (c *Comparison) conclude(rules *Rules, cut string) {
	c.Reasons, c.Verdict = []string{}, report.VerdictPass
	carried := 0
	for i := range c.Judgements {
		j := &c.Judgements[i]
		if j.Verdict == "" {
			continue
		}
		carried++
		if j.Verdict != report.VerdictPass {
			c.because(j.Verdict, "%s", j.describe(c.Kind))
		}
		if c.Kind == Ratio && (j.Control.Low > j.Limit || j.Control.High > 0 && j.Control.High < 1/j.Limit) {
			c.because(report.VerdictInvalid, "%s differs between two blocks of the same path (%s): the machine changes too much", name(j.Q), j.Control.ratio())
		}
	}
	if first := c.Judgements[0]; carried == 0 {
		c.because(report.VerdictInvalid, "no quantile can carry a verdict; %s: %s", name(first.Q), first.Reason)
	}
	if usable := c.usable(); usable < rules.Looks[0] {
		c.because(report.VerdictInvalid, "only %d of %d rounds could be used, of %d that were measured; the last reason: %s",
			usable, rules.Looks[0], len(c.Rounds), c.lastReason(cut))
	}
	if c.Verdict == report.VerdictInconclusive && cut != "" {
		c.because(c.Verdict, "%s", cut)
	}
	c.judgeErrors()
}

// lastReason says why there are no more rounds that can be used.
func (c *Comparison) lastReason(cut string) string {
	for _, r := range slices.Backward(c.Rounds) {
		if !r.counts() {
			return r.Invalid[0] + "; " + cut
		}
	}
	return cut
}

// because notes why the verdict is at least as bad as v.
func (c *Comparison) because(v report.Verdict, format string, args ...any) {
	c.Reasons = append(c.Reasons, fmt.Sprintf(format, args...))
	if severity(v) > severity(c.Verdict) {
		c.Verdict = v
	}
}

// errorFactor is how many times as often as the baseline the candidate must fail
// for the failures to be its own.
const errorFactor = 10

// judgeErrors wants no failed request. Where the baseline fails too, what is
// behind both may be to blame, and the comparison says nothing. That answers did
// not come in time counts only in rounds that count, for in others the machine may
// have stood still, and only where the machine had CPUs left for the candidate.
func (c *Comparison) judgeErrors() {
	q := c.queue()
	excused, overloaded := q.reaches(0.5), false
	blamed := map[string]int64{}
	for _, r := range c.Rounds {
		for _, path := range []string{c.Baseline, c.Candidate} {
			for _, b := range r.Blocks[path] {
				blamed[path] += b.hard
				switch {
				case !r.counts():
				case excused:
					overloaded = overloaded || b.slow > 0
				default:
					blamed[path] += b.slow
				}
			}
		}
	}
	for _, p := range c.ends() {
		if p.Failed > 0 {
			c.because(report.VerdictInvalid, "the %s %s failed %d of %d requests: %s", p.role, p.Name, p.Failed, p.Requests, openloop.DescribeErrors(p.Errors))
		}
	}
	if overloaded {
		c.because(report.VerdictInvalid, "%s", q)
	}
	if blamed[c.Candidate] > errorFactor*blamed[c.Baseline] {
		c.Verdict = report.VerdictFail
		// What decides comes first.
		slices.Reverse(c.Reasons)
	}
}

func severity(v report.Verdict) int {
	switch v {
	case report.VerdictInvalid:
		return 3
	case report.VerdictFail:
		return 2
	case report.VerdictInconclusive:
		return 1
	}
	return 0
}
