package gate

import (
	"fmt"
	"strings"

	"istio-conformance/internal/exitcode"
	"istio-conformance/internal/report"
)

// name returns the usual name of a quantile, such as p99.
func name(q float64) string { return fmt.Sprintf("p%.6g", q*100) }

func (b Bounds) ratio() string {
	if b.High == 0 {
		return fmt.Sprintf("ratio %.3f", b.Center)
	}
	return fmt.Sprintf("ratio %.3f, %.3f to %.3f", b.Center, b.Low, b.High)
}

func (b Bounds) micros() string {
	if b.Low == 0 && b.High == 0 {
		return fmt.Sprintf("%+.0f us", b.Center)
	}
	return fmt.Sprintf("%+.0f us, %+.0f to %+.0f", b.Center, b.Low, b.High)
}

// describe says in one line what is known about the quantile.
func (j *Judgement) describe(kind Kind) string {
	line := fmt.Sprintf("%s %.0f -> %.0f us (%s; %s)", name(j.Q), j.BaselineMicros, j.CandidateMicros, j.Ratio.ratio(), j.AddedMicros.micros())
	switch {
	case j.Verdict == "":
		return line + ": reported only, " + j.Reason
	case kind == Added:
		line = fmt.Sprintf("%s: %s, %.0f us may be added", line, j.Verdict, j.Limit)
	default:
		line = fmt.Sprintf("%s: %s, a ratio of %.3g and %.0f us are tolerated", line, j.Verdict, j.Limit, j.FloorMicros)
	}
	if j.Reason != "" {
		line += "; " + j.Reason
	}
	return line
}

// describe says what a round measured at its first quantile.
func (c *Comparison) describe(rules *Rules, r *Round) string {
	return fmt.Sprintf("%s %.0f and %.0f us, candidate %.0f and %.0f us", name(rules.Quantiles[0].Q), r.Baseline[0], r.Control[0], r.Candidate[0], r.Repeat[0])
}

// String is for people: the verdict and a line for each quantile.
func (c *Comparison) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s (%.0f requests/s, %d connections, %d rounds of %gs a path)\n",
		c.Name, c.Verdict, c.Rate, c.Connections, len(c.Rounds), c.BlockSeconds)
	for i := range c.Judgements {
		fmt.Fprintf(&b, "  %s\n", c.Judgements[i].describe(c.Kind))
	}
	for _, reason := range c.Reasons {
		fmt.Fprintf(&b, "  because: %s\n", reason)
	}
	if note := c.EarlierNote(); note != "" {
		fmt.Fprintf(&b, "  %s\n", note)
	}
	return strings.TrimRight(b.String(), "\n")
}

// EarlierNote says why the comparison was made once more; it is empty when it was not.
func (c *Comparison) EarlierNote() string {
	if c.Earlier == nil {
		return ""
	}
	return fmt.Sprintf("before, at %.6g requests/s, it was %s: %s", c.Earlier.Rate, c.Earlier.Verdict, c.Earlier.Reasons[0])
}

// Err returns nil for a pass, and otherwise an error with the exit status that
// the verdict stands for.
func (c *Comparison) Err() error {
	switch c.Verdict {
	case report.VerdictPass:
		return nil
	case report.VerdictFail:
		return exitcode.Failf("%s: %s", c.Name, c.Reasons[0])
	default:
		return exitcode.Invalidf("%s is %s: %s", c.Name, c.Verdict, c.Reasons[0])
	}
}
