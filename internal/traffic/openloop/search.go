package openloop

import (
	"context"
	"fmt"
	"time"
)

// Search looks for the highest rate that a path holds: sent and answered in
// time, without a failure, and with a 99 % quantile below a limit.
type Search struct {
	// Config is one trial; its Schedule's Rate is where the search begins.
	Config Config
	// MaxRate ends the search, in requests per second.
	MaxRate float64
	// MaxP99 is the longest response time at p99; 0 means no limit.
	MaxP99 time.Duration
	// Precision is the relative width at which the search ends; 0 means 5 %.
	Precision float64
	// Tried is called after each trial.
	Tried func(*Trial)
}

// Trial is one rate that was tried.
type Trial struct {
	Rate float64 `json:"rate"`
	// Broke says why the rate was not held, "" when it was.
	Broke string `json:"broke"`
	// Doubt says why the trial decides nothing, "" when it does.
	Doubt  string  `json:"doubt,omitempty"`
	Result *Result `json:"result"`
}

// Outcome says in a few words what the trial showed.
func (t *Trial) Outcome() string {
	switch {
	case t.Doubt != "":
		return "unclear: " + t.Doubt
	case t.Broke != "":
		return "broke: " + t.Broke
	}
	return "held"
}

// Found is what a search found out.
type Found struct {
	// Rate is the highest rate that was held, also at the confirmation; 0 if none.
	Rate   float64  `json:"rate"`
	Trials []*Trial `json:"trials"`
	// Invalid says why the rate is not the path's limit; empty when it is.
	Invalid string `json:"invalid,omitempty"`
}

const (
	defaultPrecision = 0.05
	// confirmations is how often a lower rate is tried when the one that was
	// found does not hold for twice as long.
	confirmations = 3
	stepDown      = 0.9
)

// Find doubles the rate until it breaks, halves the gap until it is small
// enough, and confirms what it found with a trial of twice the length.
func Find(ctx context.Context, s Search) (*Found, error) {
	if s.Precision == 0 {
		s.Precision = defaultPrecision
	}
	found := &Found{}
	low, high, rate := 0.0, 0.0, s.Config.Schedule.Rate
	for high == 0 || (high-low)/high > s.Precision {
		trial, err := s.try(ctx, rate, s.Config.Schedule.Duration, found)
		switch {
		case err != nil:
			return found, err
		case found.Invalid != "":
			return found, nil
		case trial.Broke == "":
			low = rate
		default:
			high = rate
		}
		switch {
		case low >= s.MaxRate:
			found.Invalid = fmt.Sprintf("the path holds all of %.6g requests/s, the most that may be tried", s.MaxRate)
			found.Rate = low
			return found, nil
		case high == 0:
			rate = min(2*rate, s.MaxRate)
		default:
			rate = (low + high) / 2
		}
		if rate < 1 {
			found.Invalid = "the path does not even hold one request per second"
			return found, nil
		}
	}
	return found, s.confirm(ctx, low, found)
}

// confirm sets the rate that holds for twice as long.
func (s *Search) confirm(ctx context.Context, rate float64, found *Found) error {
	for range confirmations {
		trial, err := s.try(ctx, rate, 2*s.Config.Schedule.Duration, found)
		if err != nil || found.Invalid != "" {
			return err
		}
		if trial.Broke == "" {
			found.Rate = rate
			return nil
		}
		rate *= stepDown
	}
	found.Invalid = fmt.Sprintf("no rate was held twice; the last one tried was %.6g requests/s", rate/stepDown)
	return nil
}

// try runs one trial, and once more when it decides nothing.
func (s *Search) try(ctx context.Context, rate float64, duration time.Duration, found *Found) (*Trial, error) {
	config := s.Config
	config.Schedule.Rate, config.Schedule.To, config.Schedule.Duration = rate, 0, duration
	var trial *Trial
	for range 2 {
		result, err := Run(ctx, config)
		if err != nil {
			return nil, err
		}
		trial = &Trial{Rate: rate, Result: result}
		trial.Broke, trial.Doubt = s.outcome(result)
		found.Trials = append(found.Trials, trial)
		if s.Tried != nil {
			s.Tried(trial)
		}
		if trial.Doubt == "" {
			return trial, nil
		}
	}
	found.Invalid = fmt.Sprintf("at %.6g requests/s the measurement ends, not the path: %s", rate, trial.Doubt)
	return trial, nil
}

// outcome says why the rate was not held, or why that is not known.
func (s *Search) outcome(r *Result) (broke, doubt string) {
	late := r.Counts.Late + r.Counts.Overflow
	p99 := r.Response.Quantile(0.99)
	switch {
	case r.Errors[ClassGenerator] > 0:
		return "", "the generator ran out of local ports or descriptors"
	case r.Counts.Failed > 0:
		return DescribeErrors(r.Errors), ""
	case r.ownFault(s.Config.limits()):
		return "", "the generator itself was late: own send lag at p90 " + short(r.OwnLag.Quantile(0.9)).String()
	case float64(late) > (1-s.Config.limits().HeldShare)*float64(r.Counts.Planned):
		return fmt.Sprintf("only %.6g requests/s were held", r.HeldRate()), ""
	case s.MaxP99 > 0 && p99 > s.MaxP99:
		return fmt.Sprintf("p99 is %s", short(p99)), ""
	case len(r.Invalid) > 0:
		return "", r.Invalid[0]
	}
	return "", ""
}

// ownFault says whether the generator, not the path, made the answers late: its
// own lateness is a large part of the lateness of what was sent.
func (r *Result) ownFault(l *Limits) bool {
	own, lag := r.OwnLag.Quantile(0.9), r.Lag.Quantile(0.9)
	return micros(own) > l.LagFloorMicros*10 && own > lag/2
}

func (c *Config) limits() *Limits {
	if c.Limits != nil {
		return c.Limits
	}
	limits := DefaultLimits()
	return &limits
}
