package gate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"istio-conformance/internal/load"
	"istio-conformance/internal/progress"
	"istio-conformance/internal/report"
)

// Plan is a comparison that is about to be made.
type Plan struct {
	// Name is the comparison's, such as "gateway-vs-direct".
	Name      string
	Kind      Kind
	Rules     *Rules
	Baseline  load.Path
	Candidate load.Path
	// Others are measured in every round too, and reported.
	Others []load.Path
	// Block is how each block is measured; its Path and Limits are set here.
	Block load.Config
	// Low is the schedule of the second look when the first one's failure may be
	// the queue for a CPU; without a rate there is none.
	Low load.Schedule
	// Within bounds the time at one rate: no round begins after it, and without
	// enough rounds the comparison is invalid. 0 means no bound.
	Within time.Duration
	// Seed makes the order of the blocks repeatable; 0 draws one.
	Seed uint64
	// Measure runs a block; nil means load.Run.
	Measure func(context.Context, load.Config) (*load.Result, error)
	Logf    progress.Logf
}

// Compare measures the rounds and judges them. It fails when a block cannot be
// measured at all; everything else is in the verdict.
func Compare(ctx context.Context, plan Plan) (*Comparison, error) {
	if err := plan.complete(); err != nil {
		return nil, err
	}
	c := newComparison(&plan)
	c.until(plan.Within)
	random := rand.New(rand.NewPCG(plan.Seed, 0))
	if err := c.measure(ctx, &plan, random, plan.Rules.Rounds); err != nil {
		return nil, err
	}
	c.judge(plan.Rules)
	if plan.Low.Rate > 0 && c.wantsLess() {
		return c.less(ctx, plan, random)
	}
	if c.wantsMore(plan.Rules) {
		plan.Logf("%d rounds decide nothing: %d more, and no others after them", plan.Rules.Rounds, plan.Rules.Extension)
		if err := c.measure(ctx, &plan, random, plan.Rules.Extension); err != nil {
			return nil, err
		}
		c.judge(plan.Rules)
	}
	return c, nil
}

// until bounds the time from now on.
func (c *Comparison) until(within time.Duration) {
	if within > 0 {
		c.deadline = time.Now().Add(within)
	}
}

// wantsMore says whether the extension is due, and notes that it was used.
func (c *Comparison) wantsMore(rules *Rules) bool {
	c.Extended = c.Verdict == report.VerdictInconclusive && rules.Extension > 0
	return c.Extended
}

// Replay judges rounds that were measured before as Compare would have: next
// returns one after the other. It is for finding out how often a verdict is
// wrong, with thousands of comparisons put together from recorded blocks.
func Replay(kind Kind, rules *Rules, next func() *Round) *Comparison {
	c := &Comparison{Schema: Schema, Kind: kind}
	take := func(count int) {
		for range count {
			c.Rounds = append(c.Rounds, next())
		}
		c.judge(rules)
	}
	take(rules.Rounds)
	if c.wantsMore(rules) {
		take(rules.Extension)
	}
	return c
}

func (p *Plan) complete() error {
	if err := p.Rules.Check(); err != nil {
		return err
	}
	if err := p.Kind.Check(); err != nil {
		return fmt.Errorf("comparison %s: %w", p.Name, err)
	}
	names := map[string]bool{}
	for _, path := range append([]load.Path{p.Baseline, p.Candidate}, p.Others...) {
		if path.Name == "" || names[path.Name] {
			return fmt.Errorf("comparison %s: every path needs a name of its own, not %q", p.Name, path.Name)
		}
		names[path.Name] = true
	}
	if p.Measure == nil {
		p.Measure = load.Run
	}
	if p.Logf == nil {
		p.Logf = progress.Discard
	}
	for p.Seed == 0 {
		p.Seed = rand.Uint64()
	}
	p.Block.Limits = &p.Rules.Limits
	return nil
}

// block is one path's part in a round.
type block struct {
	role Role
	path load.Path
}

func (p *Plan) blocks() []block {
	blocks := []block{{Baseline, p.Baseline}, {Control, p.Baseline}, {Candidate, p.Candidate}, {Repeat, p.Candidate}}
	for _, other := range p.Others {
		blocks = append(blocks, block{Other, other})
	}
	return blocks
}

// measure adds count rounds that can be used. A round that is no measurement is
// replaced, but at most half of them: the reason is never its latencies, so that
// leaving it out favours nobody.
func (c *Comparison) measure(ctx context.Context, plan *Plan, random *rand.Rand, count int) error {
	replacements := count / 2
	for done := 0; done < count; {
		if !c.deadline.IsZero() && time.Now().After(c.deadline) {
			c.cut = fmt.Sprintf("there was no time for more: the machine takes longer than %s", plan.Within)
			return nil
		}
		round, err := c.round(ctx, plan, random)
		if err != nil {
			return err
		}
		c.Rounds = append(c.Rounds, round)
		if round.counts() {
			done++
			plan.Logf("round %d of %d: %s", done, count, c.describe(plan.Rules, round))
			continue
		}
		plan.Logf("round left out: %s", round.Invalid[0])
		if replacements--; replacements < 0 {
			return nil
		}
	}
	return nil
}

func (c *Comparison) round(ctx context.Context, plan *Plan, random *rand.Rand) (*Round, error) {
	round := &Round{Number: len(c.Rounds) + 1, Problems: make([]string, len(plan.Rules.Quantiles))}
	blocks := plan.blocks()
	random.Shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
	for _, b := range blocks {
		config := plan.Block
		config.Path = b.path
		result, err := plan.Measure(ctx, config)
		if err != nil {
			return nil, fmt.Errorf("comparison %s, round %d, path %s: %w", plan.Name, round.Number, b.path.Name, err)
		}
		round.take(plan.Rules, b.role, b.path.Name, result)
		if err := c.add(b.role, result); err != nil {
			return nil, err
		}
	}
	return round, nil
}
