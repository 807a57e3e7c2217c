package gate

import (
	"context"
	"fmt"
	"math"
	"time"

	"istio-conformance/internal/traffic/openloop"
)

// How a rate is found: the machine is watched for as long as nothing is sent, and
// again while the candidate gets a part of the highest rate. /proc/stat counts ticks
// of 10 ms, of which two CPUs have 400 in that time.
const (
	paceTime = 2 * time.Second
	paceRate = 0.5
)

// choose sets the rate so that the CPUs stay busy for no more than the rules' share of
// their time, within the plan's bounds. Above that, latency is the wait for a CPU and
// no property of the path. It says why it is that rate, and how many requests it sent.
func (p *Plan) choose(ctx context.Context) (why string, sent int64, err error) {
	idle, err := p.Idle(ctx, paceTime)
	if err != nil {
		return "", 0, fmt.Errorf("comparison %s: watch the machine: %w", p.Name, err)
	}
	config := p.Block
	config.Path = p.Candidate
	config.Schedule.Rate *= paceRate
	config.Schedule.Duration = paceTime
	loaded, err := p.Measure(ctx, config)
	if err != nil {
		return "", 0, fmt.Errorf("comparison %s, to find a rate, path %s: %w", p.Name, p.Candidate.Name, err)
	}
	p.Block.Schedule.Rate, why = pace(p.Rules.BusyShare, p.LeastRate, p.Block.Schedule.Rate, config.Schedule.Rate, idle, loaded.Machine)
	return why, loaded.Counts.Planned + loaded.Counts.Warmup, nil
}

// pace returns the rate, rounded down to ten, at which the machine is as busy as it
// may be, between least and most, and says why. It was as busy as in idle without load,
// and as in loaded at the rate probed.
func pace(share, least, most, probed float64, idle, loaded openloop.Machine) (rate float64, why string) {
	if idle.Busy < 0 || loaded.Busy < 0 {
		return least, fmt.Sprintf("%.6g requests/s: the kernel does not tell how busy the CPUs are", least)
	}
	seen := fmt.Sprintf("the %d CPUs were %.0f %% busy without load and %.0f %% at %.6g requests/s, and shall be at most %.0f %%",
		loaded.CPUs, 100*idle.Busy, 100*loaded.Busy, probed, 100*share)
	// A request always costs something; what was measured may be less than chance.
	each := max(loaded.Busy-idle.Busy, 0.001) / probed
	rate = 10 * math.Floor((share-idle.Busy)/each/10+1e-9)
	switch {
	case rate >= most:
		return most, fmt.Sprintf("%.6g requests/s, the highest rate of the profile: %s", most, seen)
	case rate <= least:
		return least, fmt.Sprintf("%.6g requests/s, the lowest rate of the profile: %s", least, seen)
	}
	return rate, fmt.Sprintf("%.6g requests/s: %s", rate, seen)
}
