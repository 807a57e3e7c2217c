package gate

import (
	"fmt"

	"istio-conformance/internal/load"
)

// Role is what a block of a round is for.
type Role string

// The roles. Control is the baseline once more, Repeat the candidate; Other is
// measured once and reported.
const (
	Baseline  Role = "baseline"
	Control   Role = "control"
	Candidate Role = "candidate"
	Repeat    Role = "repeat"
	Other     Role = "other"
)

// path returns the role whose path the block measures.
func (r Role) path() Role {
	switch r {
	case Control:
		return Baseline
	case Repeat:
		return Candidate
	}
	return r
}

// Round is two blocks of both paths and one of every other, measured one after
// the other.
type Round struct {
	// Number counts from 1, rounds that do not count included.
	Number int `json:"number"`
	// Order is in which order the paths were measured.
	Order []string `json:"order"`
	// Baseline, Control, Candidate and Repeat are the response times at the rules'
	// quantiles, in microseconds.
	Baseline  []float64 `json:"baseline"`
	Control   []float64 `json:"control"`
	Candidate []float64 `json:"candidate"`
	Repeat    []float64 `json:"repeat"`
	// Problems say, for each quantile, why it cannot be believed in this round.
	Problems []string `json:"problems"`
	// Invalid says why the round is left out; another one is measured instead.
	Invalid []string `json:"invalid,omitempty"`
	// CPUs is how many the generator's machine has, Busy the share of their time
	// that was used while the candidate was measured, 0 when not known.
	CPUs int     `json:"cpus,omitempty"`
	Busy float64 `json:"busy,omitempty"`
	// hard and slow count the failed requests of each path, see failures.
	hard, slow map[Role]int64
}

func (r *Round) counts() bool { return len(r.Invalid) == 0 }

// load notes how busy the machine was; the busier of the two blocks counts.
func (r *Round) load(m load.Machine) {
	r.CPUs, r.Busy = m.CPUs, max(r.Busy, m.Busy)
}

// take adds a block.
func (r *Round) take(rules *Rules, role Role, name string, result *load.Result) {
	r.Order = append(r.Order, name)
	if r.hard == nil {
		r.hard, r.slow = map[Role]int64{}, map[Role]int64{}
	}
	hard, slow := failures(result)
	r.hard[role.path()] += hard
	r.slow[role.path()] += slow
	values := make([]float64, len(rules.Quantiles))
	for i, q := range rules.Quantiles {
		values[i] = micros(result.Response, q.Q)
		if problem := rules.Limits.Quantile(result, q.Q); problem != "" && role != Other && r.Problems[i] == "" {
			r.Problems[i] = name + ": " + problem
		}
	}
	switch role {
	case Baseline:
		r.Baseline = values
	case Control:
		r.Control = values
	case Candidate:
		r.Candidate = values
		r.load(result.Machine)
	case Repeat:
		r.Repeat = values
		r.load(result.Machine)
	case Other:
		return
	}
	for _, reason := range result.Invalid {
		r.Invalid = append(r.Invalid, fmt.Sprintf("%s: %s", name, reason))
	}
	if result.Counts.OK == 0 && len(result.Invalid) == 0 {
		r.Invalid = append(r.Invalid, name+": there is no good answer")
	}
}
