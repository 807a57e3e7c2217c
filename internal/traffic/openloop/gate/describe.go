package gate

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"istio-conformance/internal/process/exitcode"
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

// describeRound says what a round measured at the first quantile.
func describeRound(rules *Rules, r *Round) string {
	parts := []string{name(rules.Quantiles[0].Q)}
	for _, path := range slices.Sorted(maps.Keys(r.Blocks)) {
		b := r.Blocks[path]
		parts = append(parts, fmt.Sprintf("%s %.0f and %.0f us", path, b[0].Micros[0], b[1].Micros[0]))
	}
	return strings.Join(parts, ", ")
}

// String is for people: the verdict of each question and a line for each quantile.
func (c *Comparison) String() string {
	var b strings.Builder
	for _, q := range c.All() {
		fmt.Fprintf(&b, "%s: %s (%.0f requests/s, %d connections, %d of %d rounds used, blocks of %gs)\n",
			q.Name, q.Verdict, q.Rate, q.Connections, q.usable(), len(q.Rounds), q.BlockSeconds)
		for i := range q.Judgements {
			fmt.Fprintf(&b, "  %s\n", q.Judgements[i].describe(q.Kind))
		}
		fmt.Fprintf(&b, "  %s\n", q.Witnesses())
		for _, reason := range q.Reasons {
			fmt.Fprintf(&b, "  because: %s\n", reason)
		}
	}
	return strings.TrimRight(b.String(), "\n")
}

// Witnesses says what does not depend on when a request was due: the service time,
// and the CPU time that each request cost the path's own container where it is watched.
func (c *Comparison) Witnesses() string {
	var service, cpu []string
	for _, path := range []string{c.Candidate, c.Baseline} {
		service = append(service, fmt.Sprintf("%s %.0f us", path, c.middle(path, func(b Block) float64 { return b.ServiceMicros })))
		if used := c.middle(path, func(b Block) float64 { return b.CPUMicros }); used > 0 {
			cpu = append(cpu, fmt.Sprintf("%s %.0f us", path, used))
		}
	}
	line := "from when a request was sent, p50: " + strings.Join(service, ", ")
	if len(cpu) > 0 {
		line += "; CPU time of the container for each request: " + strings.Join(cpu, ", ")
	}
	return line
}

// Err returns nil when all questions passed, and otherwise an error with the exit
// status that the worst verdict stands for: a failure before what is no measurement.
func (c *Comparison) Err() error {
	var invalid error
	for _, q := range c.All() {
		switch q.Verdict {
		case report.VerdictPass:
		case report.VerdictFail:
			return exitcode.Failf("%s: %s", q.Name, q.Reasons[0])
		default:
			if invalid == nil {
				invalid = exitcode.Invalidf("%s is %s: %s", q.Name, q.Verdict, q.Reasons[0])
			}
		}
	}
	return invalid
}
