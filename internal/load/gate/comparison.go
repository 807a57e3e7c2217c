package gate

import (
	"fmt"
	"slices"
	"time"

	"istio-conformance/internal/load"
	"istio-conformance/internal/report"
)

// Schema names the contract of a Comparison as JSON.
const Schema = "istio-conformance/load-comparison/v1"

// Comparison is what was measured and what it means.
type Comparison struct {
	Schema  string         `json:"schema"`
	Name    string         `json:"name"`
	Kind    Kind           `json:"kind"`
	Verdict report.Verdict `json:"verdict"`
	// Started is when the first block was.
	Started time.Time `json:"started"`
	// Reasons say why the verdict is not pass.
	Reasons []string `json:"reasons"`
	// Rate is in requests per second.
	Rate         float64 `json:"rate"`
	Connections  int     `json:"connections"`
	BlockSeconds float64 `json:"blockSeconds"`
	// Seed repeats the order of the blocks.
	Seed uint64 `json:"seed"`
	// Extended says that the first rounds decided nothing.
	Extended bool `json:"extended"`
	// Earlier is the comparison at a higher rate that this one was made instead of
	// extending, because the queue for a CPU may have been what it found.
	Earlier    *Comparison    `json:"earlier,omitempty"`
	Judgements []Judgement    `json:"quantiles"`
	Rounds     []*Round       `json:"rounds"`
	Paths      []*PathSummary `json:"paths"`
	// Pressure is the highest share of a block's time in which something waited
	// for a CPU; Busy the highest share of CPU time used. -1 when not known.
	Pressure float64 `json:"cpuPressure"`
	Busy     float64 `json:"cpuBusy"`
	// deadline is when no round may begin any more, cut says that it was reached.
	deadline time.Time
	cut      string
	// overloaded says that answers which did not come in time were put down to the
	// queue for a CPU.
	overloaded bool
	// Realtime says that the generator's threads had priority in every block.
	Realtime bool `json:"realtime"`
}

// PathSummary is all blocks of a path together.
type PathSummary struct {
	Name     string `json:"name"`
	Role     Role   `json:"role"`
	URL      string `json:"url"`
	Requests int64  `json:"requests"` // the warm-up's included
	// Failed counts the requests without a good answer, those that could not be
	// sent for want of one included; Errors has their classes.
	Failed int64            `json:"failed"`
	Errors map[string]int64 `json:"errors"`
	// Unheld counts the blocks in which the path did not hold the rate.
	Unheld int `json:"unheld"`
	load.Latencies
	Seconds []Second `json:"seconds"`
}

// neverSent is the class of requests before which too many had no answer.
const neverSent = "never sent"

// failures counts a block's failed requests: those that ended in an error, and
// those without an answer in time, which also a machine that stands still makes.
func failures(r *load.Result) (hard, slow int64) {
	slow = r.Counts.Overflow
	for _, errors := range []map[string]int64{r.Errors, r.WarmupErrors} {
		for class, n := range errors {
			switch class {
			case load.ClassGenerator:
			case load.ClassTimeout, load.ClassAbandoned:
				slow += n
			default:
				hard += n
			}
		}
	}
	return hard, slow
}

// Second is one second of a path's blocks.
type Second struct {
	// At is in seconds since the comparison started.
	At        float64          `json:"at"`
	OK        int64            `json:"ok"`
	P50Micros float64          `json:"p50Micros"`
	P99Micros float64          `json:"p99Micros"`
	MaxMicros float64          `json:"maxMicros"`
	Errors    map[string]int64 `json:"errors,omitempty"`
}

func newComparison(plan *Plan) *Comparison {
	c := &Comparison{
		Schema: Schema, Name: plan.Name, Kind: plan.Kind, Seed: plan.Seed, Pressure: -1, Busy: -1, Realtime: true, Reasons: []string{},
		Rate: plan.Block.Schedule.Rate, Connections: plan.Block.Connections, BlockSeconds: plan.Block.Schedule.Duration.Seconds(),
	}
	for _, b := range plan.blocks() {
		if b.role == b.role.path() {
			c.Paths = append(c.Paths, &PathSummary{Name: b.path.Name, Role: b.role, Errors: map[string]int64{}, Latencies: load.NewLatencies()})
		}
	}
	return c
}

// add puts a block into its path's summary.
func (c *Comparison) add(role Role, result *load.Result) error {
	role = role.path()
	if c.Started.IsZero() {
		c.Started = result.Started
	}
	for _, p := range c.Paths {
		if p.Role != role || p.Name != result.Name {
			continue
		}
		p.addSeconds(c.Started, result)
		p.URL = result.URL
		p.Requests += result.Counts.Planned + result.Counts.Warmup
		p.Failed += result.Counts.Failed + result.Counts.Overflow
		for class, n := range result.WarmupErrors {
			p.Failed += n
			p.Errors[class] += n
		}
		for class, n := range result.Errors {
			p.Errors[class] += n
		}
		if n := result.Counts.Overflow; n > 0 {
			p.Errors[neverSent] += n
		}
		if result.Unheld != "" {
			p.Unheld++
		}
		c.Pressure, c.Busy = max(c.Pressure, result.Machine.Pressure), max(c.Busy, result.Machine.Busy)
		c.Realtime = c.Realtime && result.Realtime
		return p.Latencies.Merge(result.Latencies)
	}
	return fmt.Errorf("a result of %q belongs to no path", result.Name)
}

func (p *PathSummary) addSeconds(started time.Time, result *load.Result) {
	measuring := result.Started.Sub(started).Seconds() + result.WarmupSeconds
	for _, i := range result.Intervals {
		p.Seconds = append(p.Seconds, Second{
			At: measuring + float64(i.Second), OK: i.OK, P50Micros: micros(i.Response, 0.5), P99Micros: micros(i.Response, 0.99),
			MaxMicros: micros(i.Response, 1), Errors: i.Errors,
		})
	}
}

func micros(h *load.Histogram, q float64) float64 { return float64(h.Quantile(q).Nanoseconds()) / 1e3 }

// judge sets the verdict. What makes the latencies no measurement comes before
// what they say; a request that the candidate failed is a failure in any case.
func (c *Comparison) judge(rules *Rules) {
	c.Judgements, c.Reasons, c.Verdict = nil, []string{}, report.VerdictPass
	var q queue
	if c.Kind == Added {
		q = queued(c.Rounds)
	}
	for i := range rules.Quantiles {
		j := rules.judge(c.Kind, c.Rounds, i)
		j.doubt(q)
		c.Judgements = append(c.Judgements, j)
	}
	c.judgeQuantiles()
	c.judgeRounds(rules)
	c.judgeErrors(q)
}

// because notes why the verdict is at least as bad as v.
func (c *Comparison) because(v report.Verdict, format string, args ...any) {
	c.Reasons = append(c.Reasons, fmt.Sprintf(format, args...))
	if severity(v) > severity(c.Verdict) {
		c.Verdict = v
	}
}

func (c *Comparison) judgeQuantiles() {
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
	if carried == 0 {
		c.because(report.VerdictInvalid, "no quantile can carry a verdict; %s: %s", name(c.Judgements[0].Q), c.Judgements[0].Reason)
	}
}

// errorFactor is how many times as often as the baseline the candidate must fail
// for the failures to be its own.
const errorFactor = 10

// judgeErrors wants no failed request. Where the baseline fails too, what is
// behind both may be to blame, and the comparison says nothing. That answers did
// not come in time counts only in rounds that count, for in others the machine may
// have stood still, and only where the machine had CPUs left for the candidate.
func (c *Comparison) judgeErrors(q queue) {
	excused := q.reaches(0.5)
	c.overloaded = false
	blamed := map[Role]int64{}
	for _, r := range c.Rounds {
		for _, role := range []Role{Baseline, Candidate} {
			blamed[role] += r.hard[role]
			switch {
			case !r.counts():
			case excused:
				c.overloaded = c.overloaded || r.slow[role] > 0
			default:
				blamed[role] += r.slow[role]
			}
		}
	}
	for _, p := range c.Paths {
		if p.Failed > 0 && p.Role != Other {
			c.because(report.VerdictInvalid, "the %s %s failed %d of %d requests: %s", p.Role, p.Name, p.Failed, p.Requests, load.DescribeErrors(p.Errors))
		}
	}
	if c.overloaded {
		c.because(report.VerdictInvalid, "%s", q)
	}
	if blamed[Candidate] > errorFactor*blamed[Baseline] {
		c.Verdict = report.VerdictFail
		// What decides comes first.
		slices.Reverse(c.Reasons)
	}
}

// judgeRounds finds out whether enough rounds could be used.
func (c *Comparison) judgeRounds(rules *Rules) {
	planned := rules.Rounds
	if c.Extended {
		planned += rules.Extension
	}
	usable := 0
	var last string
	for _, r := range c.Rounds {
		if r.counts() {
			usable++
		} else {
			last = r.Invalid[0]
		}
	}
	if c.cut != "" {
		last = c.cut
	}
	if usable < planned {
		c.because(report.VerdictInvalid, "only %d of %d rounds could be used, after %d attempts; the last reason: %s", usable, planned, len(c.Rounds), last)
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
