package gate

import (
	"fmt"

	"istio-conformance/internal/traffic/openloop"
)

// Round is two blocks of every path, measured one after the other.
type Round struct {
	// Number counts from 1, rounds that do not count included.
	Number int `json:"number"`
	// Order is in which order the paths were measured.
	Order []string `json:"order"`
	// Blocks are the two blocks of each path, by its name.
	Blocks map[string][]Block `json:"blocks"`
	// Invalid says why the round is left out; another one is measured instead.
	Invalid []string `json:"invalid,omitempty"`
}

// Block is what one block measured.
type Block struct {
	// Micros are the response times at the rules' quantiles, in microseconds.
	Micros []float64 `json:"micros"`
	// Problems say, for each quantile, why it cannot be believed; nil means that all can.
	Problems []string `json:"problems,omitempty"`
	// ServiceMicros is the median of the service time, CPUMicros the CPU time of the
	// container that is watched under the path's name, for each request; 0 when not known.
	ServiceMicros float64 `json:"serviceMicros,omitempty"`
	CPUMicros     float64 `json:"cpuMicros,omitempty"`
	// CPUs is how many the generator's machine has; Busy is the share of their time
	// that was used, Steal what the hypervisor took. -1 when not known.
	CPUs  int     `json:"cpus"`
	Busy  float64 `json:"busy"`
	Steal float64 `json:"steal"`
	// hard and slow count the failed requests, see failures.
	hard, slow int64
}

func (r *Round) counts() bool { return len(r.Invalid) == 0 }

// problem says why the quantile at index i of the path cannot be believed, "" when
// it can.
func (r *Round) problem(path string, i int) string {
	for _, b := range r.Blocks[path] {
		if len(b.Problems) > 0 && b.Problems[i] != "" {
			return path + ": " + b.Problems[i]
		}
	}
	return ""
}

// take adds a block.
func (r *Round) take(rules *Rules, result *openloop.Result) {
	name := result.Name
	r.Order = append(r.Order, name)
	b := Block{
		ServiceMicros: micros(result.Service, 0.5), CPUMicros: cpuMicros(result),
		CPUs: result.Machine.CPUs, Busy: result.Machine.Busy, Steal: result.Machine.Steal,
	}
	b.hard, b.slow = failures(result)
	for i, q := range rules.Quantiles {
		b.Micros = append(b.Micros, micros(result.Response, q.Q))
		if problem := rules.Limits.Quantile(result, q.Q); problem != "" {
			if b.Problems == nil {
				b.Problems = make([]string, len(rules.Quantiles))
			}
			b.Problems[i] = problem
		}
	}
	if r.Blocks == nil {
		r.Blocks = map[string][]Block{}
	}
	r.Blocks[name] = append(r.Blocks[name], b)
	for _, reason := range result.Invalid {
		r.Invalid = append(r.Invalid, fmt.Sprintf("%s: %s", name, reason))
	}
	if result.Counts.OK == 0 && len(result.Invalid) == 0 {
		r.Invalid = append(r.Invalid, name+": there is no good answer")
	}
}

// cpuMicros returns the CPU time for each request of the container that is watched
// under the path's name, in microseconds; 0 when none is.
func cpuMicros(r *openloop.Result) float64 {
	for _, u := range r.Usage {
		if requests := r.Counts.Planned + r.Counts.Warmup; u.Name == r.Name && u.Error == "" && requests > 0 {
			return 1e6 * u.CPUSeconds / float64(requests)
		}
	}
	return 0
}

// failures counts a block's failed requests: those that ended in an error, and
// those without an answer in time, which also a machine that stands still makes.
func failures(r *openloop.Result) (hard, slow int64) {
	slow = r.Counts.Overflow
	for _, errors := range []map[string]int64{r.Errors, r.WarmupErrors} {
		for class, n := range errors {
			switch class {
			case openloop.ClassGenerator:
			case openloop.ClassTimeout, openloop.ClassAbandoned:
				slow += n
			default:
				hard += n
			}
		}
	}
	return hard, slow
}
