package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"istio-conformance/internal/report"
	"istio-conformance/internal/traffic/openloop"
	"istio-conformance/internal/traffic/openloop/gate"
)

// pairConnections are the connections of a comparison: those of the profiles.
const pairConnections = 8

// The names of the two paths of a comparison.
const (
	baseline  = "baseline"
	candidate = "candidate"
)

// rules returns the rules of the comparisons.
func (o *options) rules() (*gate.Rules, error) {
	rules, err := gate.DefaultRules()
	if err != nil {
		return nil, err
	}
	rules.Looks = []int{o.rounds, 2 * o.rounds}
	if o.profile == "" {
		return rules, nil
	}
	p, found := rules.Profiles[o.profile]
	if !found {
		return nil, fmt.Errorf("-profile %s: the rules have only %s", o.profile, strings.Join(slices.Sorted(maps.Keys(rules.Profiles)), ", "))
	}
	return rules.With(p), nil
}

// same compares a stub with itself.
func same(ctx context.Context, o *options) (bool, error) {
	tally, recorded, err := comparisons(ctx, o, func(time.Duration) time.Duration { return 0 })
	if err != nil {
		return false, err
	}
	fmt.Println(tally)
	if o.record != "" {
		data, err := json.Marshal(recorded)
		if err == nil {
			err = os.WriteFile(o.record, append(data, '\n'), 0o644)
		}
		if err != nil {
			return false, fmt.Errorf("record the rounds: %w", err)
		}
	}
	return tally[report.VerdictFail]*100 <= o.runs && tally.decided() >= o.runs, nil
}

// slower compares a stub with itself and a delay that is a part of what is measured.
func slower(ctx context.Context, o *options) (bool, error) {
	tally, _, err := comparisons(ctx, o, func(p50 time.Duration) time.Duration { return time.Duration(o.more * float64(p50)) })
	if err != nil {
		return false, err
	}
	fmt.Println(tally)
	return tally[report.VerdictFail]*100 >= 95*tally.decided() && tally.decided() >= o.runs, nil
}

// verdicts counts how often each came out.
type verdicts map[report.Verdict]int

// decided counts the comparisons that were measurements.
func (v verdicts) decided() int {
	return v[report.VerdictPass] + v[report.VerdictFail] + v[report.VerdictInconclusive]
}

func (v verdicts) String() string {
	return fmt.Sprintf("pass %d, fail %d, inconclusive %d, invalid %d", v[report.VerdictPass], v[report.VerdictFail],
		v[report.VerdictInconclusive], v[report.VerdictInvalid])
}

// attempts is how many times as many comparisons are made as shall be measurements.
const attempts = 4

// comparisons makes the runs, with a candidate that is slower by what extra says
// for the baseline's p50.
func comparisons(ctx context.Context, o *options, extra func(time.Duration) time.Duration) (tally verdicts, recorded [][]*gate.Round, err error) {
	rules, err := o.rules()
	if err != nil {
		return nil, nil, err
	}
	s, err := startStub(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	schedule := openloop.Schedule{Rate: o.rate, Warmup: 100 * time.Millisecond, Duration: o.block}
	first, err := measure(ctx, "calibration", s.with(o.delay), openloop.Schedule{Rate: o.rate, Duration: 5 * time.Second}, pairConnections)
	if err != nil {
		return nil, nil, err
	}
	delay := o.delay + extra(first.Response.Quantile(0.5))
	tally = verdicts{}
	// What was no measurement is replaced, but not for ever.
	for i := 0; tally.decided() < o.runs && i < attempts*o.runs; i++ {
		c, err := gate.Compare(ctx, gate.Plan{
			Name: fmt.Sprintf("run %d", i+1), Kind: gate.Ratio, Rules: rules,
			Baseline:  openloop.Path{Name: baseline, URL: s.with(o.delay), Protocol: openloop.HTTP1},
			Candidate: openloop.Path{Name: candidate, URL: s.with(delay), Protocol: openloop.HTTP1},
			Block:     openloop.Config{Schedule: schedule, Connections: pairConnections},
		})
		if err != nil {
			return nil, nil, err
		}
		tally[c.Verdict]++
		recorded = append(recorded, c.Rounds)
		fmt.Printf("%v\n  machine: at most %.0f %% busy, waiting for CPU %.0f %% of the time; so far %v\n", c, 100*c.Busy, 100*c.Pressure, tally)
	}
	return tally, recorded, nil
}
