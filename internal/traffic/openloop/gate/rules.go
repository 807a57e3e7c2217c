// Package gate decides whether one path is slower than others: short blocks of all
// are measured in turn and in random order, each round gives one pair, and the
// pairs are judged by a rule that was fixed before.
package gate

import (
	"cmp"
	"fmt"
	"time"

	"sigs.k8s.io/yaml"

	"istio-conformance/fixtures"
	"istio-conformance/internal/traffic/openloop"
	"istio-conformance/internal/traffic/stats"
)

const rulesFile = "load.yaml"

// Rules is fixtures/load.yaml, which explains each number.
type Rules struct {
	// Alpha is the highest probability of a failure by chance, PassAlpha that of a pass
	// of what lies at its limit.
	Alpha     float64 `json:"alpha"`
	PassAlpha float64 `json:"passAlpha"`
	// Looks are the numbers of usable rounds after which the rounds are judged; the
	// first look that decides ends the measurement.
	Looks []int `json:"looks"`
	// BusyShare is the share of the CPUs' time that may be used while a rate that the
	// machine chooses is measured.
	BusyShare float64 `json:"busyShare"`
	// SpreadFactor is how many standard errors of the A/A difference a margin
	// has at least.
	SpreadFactor float64            `json:"spreadFactor"`
	Quantiles    []Quantile         `json:"quantiles"`
	Limits       openloop.Limits    `json:"limits"`
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
	// Optional means that the quantile is only reported where it stays undecided.
	Optional bool `json:"optional,omitempty"`
}

// Profile is how much load a comparison uses.
type Profile struct {
	// Rate is in requests per second: the highest one when LeastRate is set, between
	// which and Rate the machine chooses.
	Rate          float64 `json:"rate"`
	LeastRate     float64 `json:"leastRate,omitempty"`
	Connections   int     `json:"connections"`
	BlockSeconds  float64 `json:"blockSeconds"`
	WarmupSeconds float64 `json:"warmupSeconds"`
	// WithinSeconds is the time after which no round begins.
	WithinSeconds float64 `json:"withinSeconds"`
	// PassAlpha, Looks, Quantiles, TailSamples and LagFloorMicros take the place of the
	// rules' own and of their limits' where they are set.
	PassAlpha      float64    `json:"passAlpha,omitempty"`
	Looks          []int      `json:"looks,omitempty"`
	Quantiles      []Quantile `json:"quantiles,omitempty"`
	TailSamples    float64    `json:"tailSamples,omitempty"`
	LagFloorMicros float64    `json:"lagFloorMicros,omitempty"`
}

// Schedule returns one block's schedule, at the highest rate.
func (p Profile) Schedule() openloop.Schedule {
	return openloop.Schedule{Rate: p.Rate, Warmup: seconds(p.WarmupSeconds), Duration: seconds(p.BlockSeconds)}
}

// Within returns the time after which no round begins.
func (p Profile) Within() time.Duration { return seconds(p.WithinSeconds) }

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

// With returns the rules as the profile changes them.
func (r *Rules) With(p Profile) *Rules {
	changed := *r
	if len(p.Looks) > 0 {
		changed.Looks = p.Looks
	}
	if len(p.Quantiles) > 0 {
		changed.Quantiles = p.Quantiles
	}
	changed.PassAlpha = cmp.Or(p.PassAlpha, r.PassAlpha)
	changed.Limits.TailSamples = cmp.Or(p.TailSamples, r.Limits.TailSamples)
	changed.Limits.LagFloorMicros = cmp.Or(p.LagFloorMicros, r.Limits.LagFloorMicros)
	return &changed
}

// share is the part of a probability that look number i, from 0, may use: it is spent
// evenly over the rounds, so each look gets the part that its new rounds are of all
// (Lan and DeMets, Biometrika 70, 1983). The parts add up to 1, which bounds the whole
// however the looks depend on each other.
func (r *Rules) share(i int) float64 {
	before := 0
	if i > 0 {
		before = r.Looks[i-1]
	}
	return float64(r.Looks[i]-before) / float64(r.Looks[len(r.Looks)-1])
}

// Check says what in the rules makes no sense.
func (r *Rules) Check() error {
	if !(r.Alpha > 0 && r.Alpha <= r.PassAlpha && r.PassAlpha < 0.5) {
		return fmt.Errorf("alpha must be above 0, passAlpha not below it, and both below 0.5: %v and %v", r.Alpha, r.PassAlpha)
	}
	if err := r.checkLooks(); err != nil {
		return err
	}
	if r.SpreadFactor < 0 {
		return fmt.Errorf("spreadFactor must not be below 0: %v", r.SpreadFactor)
	}
	if !(r.BusyShare > 0 && r.BusyShare < 1) {
		return fmt.Errorf("busyShare must be above 0 and below 1, not %v", r.BusyShare)
	}
	if len(r.Quantiles) == 0 || r.Quantiles[0].Optional {
		return fmt.Errorf("the first quantile is missing or optional: one at least must be decided")
	}
	for _, q := range r.Quantiles {
		if !(q.Q > 0 && q.Q < 1) || q.Margin <= 1 || q.MaxMargin < q.Margin || q.FloorMicros < 0 || q.CeilingMicros <= 0 {
			return fmt.Errorf("quantile %+v: q must be between 0 and 1, margin above 1, maxMargin not below it, the floor not below 0 and the ceiling above", q)
		}
	}
	return nil
}

func (r *Rules) checkLooks() error {
	if len(r.Looks) == 0 {
		return fmt.Errorf("looks is empty: after how many rounds is it judged?")
	}
	for i, rounds := range r.Looks {
		if i > 0 && rounds <= r.Looks[i-1] {
			return fmt.Errorf("looks must rise: %v", r.Looks)
		}
		level := r.Alpha * r.share(i)
		if least := stats.MinPairs(level); rounds < least {
			return fmt.Errorf("looks %v: a look after %d rounds cannot decide anything at its part of alpha, %.2g: at least %d rounds are needed",
				r.Looks, rounds, level, least)
		}
	}
	return nil
}
