package gate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"istio-conformance/internal/process/progress"
	"istio-conformance/internal/traffic/openloop"
)

// Plan is a comparison that is about to be made.
type Plan struct {
	// Name is the comparison's, such as "gateway-vs-direct".
	Name      string
	Kind      Kind
	Rules     *Rules
	Baseline  openloop.Path
	Candidate openloop.Path
	// Also asks more about the candidate over the same rounds.
	Also []Question
	// Block is how each block is measured; its Path and Limits are set here.
	Block openloop.Config
	// LeastRate lets the machine choose the rate, between this one and Block's, in
	// requests per second; 0 means Block's.
	LeastRate float64
	// Within bounds the time: no round begins after it, and without enough rounds the
	// comparison is invalid. 0 means twice the time that all rounds take.
	Within time.Duration
	// Seed makes the order of the blocks repeatable; 0 draws one.
	Seed uint64
	// Measure runs a block; nil means openloop.Run. Idle watches the machine without load;
	// nil means openloop.Watch.
	Measure func(context.Context, openloop.Config) (*openloop.Result, error)
	Idle    func(context.Context, time.Duration) (openloop.Machine, error)
	Logf    progress.Logf
}

// Question compares the candidate with another baseline.
type Question struct {
	Name     string
	Kind     Kind
	Baseline openloop.Path
}

// Compare measures rounds and judges them after as many as the rules say, until
// everything is decided or the time is over. It fails when a block cannot be measured
// at all; everything else is in the verdict.
func Compare(ctx context.Context, plan Plan) (*Comparison, error) {
	if err := plan.complete(); err != nil {
		return nil, err
	}
	started := time.Now()
	c, err := newComparison(ctx, &plan)
	if err != nil {
		return nil, err
	}
	random := rand.New(rand.NewPCG(plan.Seed, 0))
	deadline := started.Add(plan.Within)
	for look := range plan.Rules.Looks {
		cut, err := c.measure(ctx, &plan, random, plan.Rules.Looks[look], deadline)
		if err != nil {
			return nil, err
		}
		c.judgeAll(plan.Rules, look, cut)
		if cut != "" || c.decided() {
			break
		}
	}
	return c, nil
}

// Replay judges rounds that were measured before as Compare would have: next
// returns one after the other. It is for finding out how often a verdict is
// wrong, with thousands of comparisons put together from recorded blocks.
func Replay(kind Kind, rules *Rules, baseline, candidate string, next func() *Round) *Comparison {
	c := &Comparison{Schema: Schema, Kind: kind, Baseline: baseline, Candidate: candidate}
	for look, rounds := range rules.Looks {
		for len(c.Rounds) < rounds {
			c.Rounds = append(c.Rounds, next())
		}
		if c.judgeAll(rules, look, ""); c.decided() {
			break
		}
	}
	return c
}

func (p *Plan) complete() error {
	if err := p.Rules.Check(); err != nil {
		return err
	}
	for _, q := range p.questions() {
		if err := q.Kind.Check(); err != nil {
			return fmt.Errorf("comparison %s: %w", q.Name, err)
		}
	}
	names := map[string]bool{}
	for _, path := range p.paths() {
		if path.Name == "" || names[path.Name] {
			return fmt.Errorf("comparison %s: every path needs a name of its own, not %q", p.Name, path.Name)
		}
		names[path.Name] = true
	}
	if p.Measure == nil {
		p.Measure = openloop.Run
	}
	if p.Idle == nil {
		p.Idle = openloop.Watch
	}
	if p.Logf == nil {
		p.Logf = progress.Discard
	}
	if p.Within == 0 {
		s := p.Block.Schedule
		p.Within = 2 * time.Duration(p.Rules.Looks[len(p.Rules.Looks)-1]*2*len(p.paths())) * (s.Warmup + s.Duration)
	}
	for p.Seed == 0 {
		p.Seed = rand.Uint64()
	}
	p.Block.Limits = &p.Rules.Limits
	return nil
}

// questions returns all that is asked, the plan's own first.
func (p *Plan) questions() []Question {
	return append([]Question{{p.Name, p.Kind, p.Baseline}}, p.Also...)
}

// paths returns the candidate and every baseline.
func (p *Plan) paths() []openloop.Path {
	paths := []openloop.Path{p.Candidate}
	for _, q := range p.questions() {
		paths = append(paths, q.Baseline)
	}
	return paths
}

// measure adds rounds until count of them can be used, and says so when there was no
// time for them. A round that is no measurement is replaced: the reason is never its
// latencies, so that leaving it out favours nobody.
func (c *Comparison) measure(ctx context.Context, plan *Plan, random *rand.Rand, count int, deadline time.Time) (cut string, err error) {
	for usable := c.usable(); usable < count; {
		if time.Now().After(deadline) {
			return fmt.Sprintf("there was no time for more within %s", plan.Within), nil
		}
		round, err := c.round(ctx, plan, random)
		if err != nil {
			return "", err
		}
		c.Rounds = append(c.Rounds, round)
		if !round.counts() {
			plan.Logf("round left out: %s", round.Invalid[0])
			continue
		}
		usable++
		plan.Logf("round %d of %d: %s", usable, count, describeRound(plan.Rules, round))
	}
	return "", nil
}

func (c *Comparison) round(ctx context.Context, plan *Plan, random *rand.Rand) (*Round, error) {
	round := &Round{Number: len(c.Rounds) + 1}
	paths := plan.paths()
	paths = append(paths, paths...)
	random.Shuffle(len(paths), func(i, j int) { paths[i], paths[j] = paths[j], paths[i] })
	for _, path := range paths {
		config := plan.Block
		config.Path = path
		result, err := plan.Measure(ctx, config)
		if err != nil {
			return nil, fmt.Errorf("comparison %s, round %d, path %s: %w", plan.Name, round.Number, path.Name, err)
		}
		round.take(plan.Rules, result)
		if err := c.add(result); err != nil {
			return nil, err
		}
		if !round.counts() {
			break // The others would be of no use.
		}
	}
	return round, nil
}
