package gate

import (
	"context"
	"fmt"
	"time"

	"istio-conformance/internal/report"
	"istio-conformance/internal/traffic/openloop"
	"istio-conformance/internal/traffic/stats"
)

// Schema names the contract of a Comparison as JSON.
const Schema = "istio-conformance/load-comparison/v2"

// Comparison is what was measured and what it means.
type Comparison struct {
	Schema  string         `json:"schema"`
	Name    string         `json:"name"`
	Kind    Kind           `json:"kind"`
	Verdict report.Verdict `json:"verdict"`
	// Reasons say why the verdict is not pass.
	Reasons []string `json:"reasons"`
	// Baseline and Candidate are the names of two of the Paths.
	Baseline   string      `json:"baseline"`
	Candidate  string      `json:"candidate"`
	Judgements []Judgement `json:"quantiles"`
	Measured
	// Also are further questions about the candidate, asked of the same rounds.
	Also []*Comparison `json:"also,omitempty"`
}

// Measured is what was measured, the same for all questions.
type Measured struct {
	// Started is when the first block was.
	Started time.Time `json:"started"`
	// Rate is in requests per second; Pace says why it is that one where the machine chose.
	Rate float64 `json:"rate"`
	Pace string  `json:"pace,omitempty"`
	// Probed counts the candidate's requests that were sent to find the rate; they are
	// in no path's summary.
	Probed       int64   `json:"probed,omitempty"`
	Connections  int     `json:"connections"`
	BlockSeconds float64 `json:"blockSeconds"`
	// Seed repeats the order of the blocks.
	Seed uint64 `json:"seed"`
	// Looks is how often the rounds were judged: one more than the looks that decided nothing.
	Looks  int            `json:"looks"`
	Rounds []*Round       `json:"rounds"`
	Paths  []*PathSummary `json:"paths"`
	// Pressure is the highest share of a block's time in which something waited
	// for a CPU; Busy the highest share of CPU time used. -1 when not known.
	Pressure float64 `json:"cpuPressure"`
	Busy     float64 `json:"cpuBusy"`
	// Realtime says that the generator's threads had priority in every block.
	Realtime bool `json:"realtime"`
}

// PathSummary is all blocks of a path together.
type PathSummary struct {
	Name     string `json:"name"`
	URL      string `json:"url"`
	Requests int64  `json:"requests"` // the warm-up's included
	// Failed counts the requests without a good answer, those that could not be
	// sent for want of one included; Errors has their classes.
	Failed int64            `json:"failed"`
	Errors map[string]int64 `json:"errors"`
	// Unheld counts the blocks in which the path did not hold the rate.
	Unheld int `json:"unheld"`
	openloop.Latencies
	Seconds []Second `json:"seconds"`
}

// neverSent is the class of requests before which too many had no answer.
const neverSent = "never sent"

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

// newComparison begins one, with its rate.
func newComparison(ctx context.Context, plan *Plan) (*Comparison, error) {
	m := Measured{
		Seed: plan.Seed, Pressure: -1, Busy: -1, Realtime: true,
		Connections: plan.Block.Connections, BlockSeconds: plan.Block.Schedule.Duration.Seconds(),
	}
	if plan.LeastRate > 0 {
		var err error
		if m.Pace, m.Probed, err = plan.choose(ctx); err != nil {
			return nil, err
		}
		plan.Logf("%s", m.Pace)
	}
	m.Rate = plan.Block.Schedule.Rate
	for _, path := range plan.paths() {
		m.Paths = append(m.Paths, &PathSummary{Name: path.Name, Errors: map[string]int64{}, Latencies: openloop.NewLatencies()})
	}
	var all []*Comparison
	for _, q := range plan.questions() {
		all = append(all, &Comparison{
			Schema: Schema, Name: q.Name, Kind: q.Kind, Reasons: []string{}, Baseline: q.Baseline.Name, Candidate: plan.Candidate.Name, Measured: m,
		})
	}
	all[0].Also = all[1:]
	return all[0], nil
}

// All returns the comparison and what else was asked of its rounds.
func (c *Comparison) All() []*Comparison { return append([]*Comparison{c}, c.Also...) }

// Path returns what was measured of a path; nil when there is none of that name.
func (m *Measured) Path(name string) *PathSummary {
	for _, p := range m.Paths {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// end is one of the two paths that a comparison is of.
type end struct {
	*PathSummary
	role string
}

// ends returns the baseline and the candidate, as far as they were measured.
func (c *Comparison) ends() []end {
	var both []end
	for _, e := range []end{{c.Path(c.Baseline), "baseline"}, {c.Path(c.Candidate), "candidate"}} {
		if e.PathSummary != nil {
			both = append(both, e)
		}
	}
	return both
}

// usable counts the rounds that count.
func (m *Measured) usable() int {
	n := 0
	for _, r := range m.Rounds {
		if r.counts() {
			n++
		}
	}
	return n
}

// middle is the median over the path's blocks in the rounds that count; what is not
// known of a block is left out, and 0 means that nothing is known.
func (m *Measured) middle(path string, of func(Block) float64) float64 {
	var values []float64
	for _, r := range m.Rounds {
		for _, b := range r.Blocks[path] {
			if v := of(b); r.counts() && v > 0 {
				values = append(values, v)
			}
		}
	}
	if len(values) == 0 {
		return 0
	}
	return stats.Median(values)
}

// add puts a block into its path's summary.
func (m *Measured) add(result *openloop.Result) error {
	if m.Started.IsZero() {
		m.Started = result.Started
	}
	p := m.Path(result.Name)
	if p == nil {
		return fmt.Errorf("a result of %q belongs to no path", result.Name)
	}
	p.addSeconds(m.Started, result)
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
	m.Pressure, m.Busy = max(m.Pressure, result.Machine.Pressure), max(m.Busy, result.Machine.Busy)
	m.Realtime = m.Realtime && result.Realtime
	return p.Latencies.Merge(result.Latencies)
}

func (p *PathSummary) addSeconds(started time.Time, result *openloop.Result) {
	measuring := result.Started.Sub(started).Seconds() + result.WarmupSeconds
	for _, i := range result.Intervals {
		p.Seconds = append(p.Seconds, Second{
			At: measuring + float64(i.Second), OK: i.OK, P50Micros: micros(i.Response, 0.5), P99Micros: micros(i.Response, 0.99),
			MaxMicros: micros(i.Response, 1), Errors: i.Errors,
		})
	}
}

func micros(h *openloop.Histogram, q float64) float64 {
	return float64(h.Quantile(q).Nanoseconds()) / 1e3
}
