package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"

	"istio-conformance/internal/report"
	"istio-conformance/internal/traffic/openloop/gate"
	"istio-conformance/internal/traffic/stats"
)

// simulate puts comparisons together from rounds that were recorded while equal
// paths were compared. The rounds of a comparison follow each other as they did,
// so that what the machine did meanwhile stays in; which of a round's blocks is
// whose is drawn. For the delay the candidate's blocks are made longer.
func simulate(_ context.Context, o *options) (bool, error) {
	rounds, err := recorded(o.record)
	if err != nil {
		return false, err
	}
	rules, err := o.rules()
	if err != nil {
		return false, err
	}
	var p50 []float64
	for _, r := range rounds {
		for _, b := range slices.Concat(r.Blocks[baseline], r.Blocks[candidate]) {
			p50 = append(p50, b.Micros[0])
		}
	}
	random := rand.New(rand.NewPCG(1, uint64(len(rounds))))
	equal := play(rules, rounds, random, o.replay, 0)
	fmt.Printf("%d rounds of %d blocks, p50 %.0f us; %d comparisons of equal paths: %v\n", len(rounds), 4*len(rounds), stats.Median(p50), o.replay, equal)
	delay := o.more * stats.Median(p50)
	slower := play(rules, rounds, random, o.replay, delay)
	decided := slower.decided()
	fmt.Printf("%d comparisons with %.0f us more (%.0f %% of p50): %v; found in %.1f %% of the %d that were measurements\n",
		o.replay, delay, 100*o.more, slower, 100*float64(slower[report.VerdictFail])/float64(max(1, decided)), decided)
	return equal[report.VerdictFail]*100 <= o.replay && decided > 0 && slower[report.VerdictFail]*100 >= 95*decided, nil
}

// recorded reads the rounds that count, in the order in which they were measured.
func recorded(file string) ([]*gate.Round, error) {
	if file == "" {
		return nil, errors.New("name the file of recorded rounds with -record")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var comparisons [][]*gate.Round
	if err := json.Unmarshal(data, &comparisons); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var rounds []*gate.Round
	for _, c := range comparisons {
		for _, r := range c {
			if len(r.Invalid) == 0 {
				rounds = append(rounds, r)
			}
		}
	}
	if len(rounds) < 50 {
		return nil, fmt.Errorf("%s holds only %d rounds that count; 50 are the least", file, len(rounds))
	}
	return rounds, nil
}

// play judges count comparisons.
func play(rules *gate.Rules, rounds []*gate.Round, random *rand.Rand, count int, delay float64) verdicts {
	tally := verdicts{}
	for range count {
		at := random.IntN(len(rounds))
		tally[gate.Replay(gate.Ratio, rules, baseline, candidate, func() *gate.Round {
			at = (at + 1) % len(rounds)
			return shuffled(rounds[at], random, delay)
		}).Verdict]++
	}
	return tally
}

// shuffled returns the round with its blocks dealt out anew, those of the
// candidate longer by delay microseconds.
func shuffled(r *gate.Round, random *rand.Rand, delay float64) *gate.Round {
	blocks := slices.Concat(r.Blocks[baseline], r.Blocks[candidate])
	random.Shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
	for i := range 2 {
		longer := slices.Clone(blocks[i].Micros)
		for q := range longer {
			longer[q] += delay
		}
		blocks[i].Micros = longer
	}
	return &gate.Round{Number: r.Number, Blocks: map[string][]gate.Block{candidate: blocks[:2], baseline: blocks[2:]}}
}
