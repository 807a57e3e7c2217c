// Package gate decides whether one path is slower than another: blocks of both
// are measured in turn and in random order, each round gives one pair, and the
// pairs are judged by a rule that was fixed before.
package gate

import (
	"fmt"
	"time"

	"sigs.k8s.io/yaml"

	"istio-conformance/fixtures"
	"istio-conformance/internal/load"
	"istio-conformance/internal/load/stats"
)

const rulesFile = "load.yaml"

// Rules is fixtures/load.yaml, which explains each number.
type Rules struct {
	// Alpha is the highest probability of a verdict by chance.
	Alpha float64 `json:"alpha"`
	// Rounds come first, Extension once more when they decide nothing.
	Rounds    int `json:"rounds"`
	Extension int `json:"extension"`
	// SpreadFactor is how many standard errors of the A/A difference a margin
	// has at least.
	SpreadFactor float64            `json:"spreadFactor"`
	Quantiles    []Quantile         `json:"quantiles"`
	Limits       load.Limits        `json:"limits"`
	Profiles     map[string]Profile `json:"profiles,omitempty"`
}

// Quantile is the rule for one quantile of the response time.
type Quantile struct {
	// Q is between 0 and 1.
	Q float64 `json:"q"`
	// Margin is the tolerated ratio of candidate to baseline, MaxMargin the
	// largest that the machine's own spread may widen it to.
	Margin    float64 `json:"margin"`
	MaxMargin float64 `json:"maxMargin"`
	// FloorMicros is the increase that is always tolerated, CeilingMicros the
	// one that is tolerated by Added, both in microseconds.
	FloorMicros   float64 `json:"floorMicros"`
	CeilingMicros float64 `json:"ceilingMicros"`
}

// Profile is how much load a comparison uses.
type Profile struct {
	// Rate is in requests per second.
	Rate          float64 `json:"rate"`
	Connections   int     `json:"connections"`
	BlockSeconds  float64 `json:"blockSeconds"`
	WarmupSeconds float64 `json:"warmupSeconds"`
	Rounds        int     `json:"rounds"`
	Extension     int     `json:"extension"`
	// Low is the second look when the queue for a CPU may be what the first found.
	Low *Pace `json:"low,omitempty"`
}

// Pace is a rate, and how long a block must be at it.
type Pace struct {
	Rate         float64 `json:"rate"`
	BlockSeconds float64 `json:"blockSeconds"`
}

// LowSchedule returns one block's schedule at the lower rate; without one its rate
// is 0.
func (p Profile) LowSchedule() load.Schedule {
	if p.Low == nil {
		return load.Schedule{}
	}
	return load.Schedule{Rate: p.Low.Rate, Warmup: seconds(p.WarmupSeconds), Duration: seconds(p.Low.BlockSeconds)}
}

// Schedule returns one block's schedule.
func (p Profile) Schedule() load.Schedule {
	return load.Schedule{Rate: p.Rate, Warmup: seconds(p.WarmupSeconds), Duration: seconds(p.BlockSeconds)}
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// DefaultRules reads the rules that are built in.
func DefaultRules() (*Rules, error) {
	data, err := fixtures.Files.ReadFile(rulesFile)
	if err != nil {
		return nil, fmt.Errorf("read the load rules: %w", err)
	}
	return ParseRules(data)
}

// ParseRules reads rules and refuses those that decide nothing.
func ParseRules(data []byte) (*Rules, error) {
	var r Rules
	if err := yaml.UnmarshalStrict(data, &r); err != nil {
		return nil, fmt.Errorf("load rules: %w", err)
	}
	if err := r.Check(); err != nil {
		return nil, fmt.Errorf("load rules: %w", err)
	}
	return &r, nil
}

// With returns the rules with the profile's number of rounds.
func (r *Rules) With(p Profile) *Rules {
	changed := *r
	changed.Rounds, changed.Extension = p.Rounds, p.Extension
	return &changed
}

// lookAlpha is the level of one look at the data: a second look is a second
// chance for chance.
func (r *Rules) lookAlpha() float64 {
	if r.Extension > 0 {
		return r.Alpha / 2
	}
	return r.Alpha
}

// Check says what in the rules makes no sense.
func (r *Rules) Check() error {
	if !(r.Alpha > 0 && r.Alpha < 0.5) {
		return fmt.Errorf("alpha must be above 0 and below 0.5, not %v", r.Alpha)
	}
	if least := stats.MinPairs(r.lookAlpha()); r.Rounds < least || r.Extension < 0 {
		return fmt.Errorf("%d rounds and an extension of %d cannot decide anything at alpha %v: at least %d rounds are needed",
			r.Rounds, r.Extension, r.Alpha, least)
	}
	if r.SpreadFactor < 0 {
		return fmt.Errorf("spreadFactor must not be below 0: %v", r.SpreadFactor)
	}
	if len(r.Quantiles) == 0 {
		return fmt.Errorf("there are no quantiles")
	}
	for _, q := range r.Quantiles {
		if !(q.Q > 0 && q.Q < 1) || q.Margin <= 1 || q.MaxMargin < q.Margin || q.FloorMicros < 0 || q.CeilingMicros <= 0 {
			return fmt.Errorf("quantile %+v: q must be between 0 and 1, margin above 1, maxMargin not below it, the floor not below 0 and the ceiling above", q)
		}
	}
	return nil
}
