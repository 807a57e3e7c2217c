package gate

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"istio-conformance/internal/report"
	"istio-conformance/internal/traffic/openloop"
)

// machine plays openloop.Run: each block of a path takes as long as the path's own
// latency, times the noise of a block.
type machine struct {
	random  *rand.Rand
	noise   float64 // standard deviation of the logarithm
	latency map[string]time.Duration
	// spoil changes the result of block number n, from 0.
	spoil func(n int, r *openloop.Result)
	order []string
}

func (m *machine) measure(_ context.Context, c openloop.Config) (*openloop.Result, error) {
	r := &openloop.Result{
		Name: c.Path.Name, Rate: c.Schedule.Rate, Seconds: c.Schedule.Duration.Seconds(), Errors: map[string]int64{},
		Latencies: openloop.NewLatencies(), Counts: openloop.Counts{Planned: 20000, OK: 20000},
	}
	base := float64(m.latency[c.Path.Name]) * math.Exp(m.noise*m.random.NormFloat64())
	for i := range 20000 {
		// A tail in which p90 is twice and p99 three times the median.
		d := base * (1 + math.Max(0, math.Log10(0.5/(1-float64(i)/20000))))
		r.Response.Record(time.Duration(d))
		r.OwnLag.Record(20 * time.Microsecond)
	}
	if m.spoil != nil {
		m.spoil(len(m.order), r)
	}
	m.order = append(m.order, c.Path.Name)
	return r, nil
}

func rules(t *testing.T) *Rules {
	t.Helper()
	r, err := DefaultRules()
	if err != nil {
		t.Fatal(err)
	}
	r.Looks = []int{10, 20}
	return r
}

func compare(t *testing.T, m *machine, change func(*Plan)) *Comparison {
	t.Helper()
	m.random = rand.New(rand.NewPCG(7, 7))
	plan := Plan{
		Name: "test", Kind: Ratio, Rules: rules(t), Baseline: openloop.Path{Name: "old"}, Candidate: openloop.Path{Name: "new"},
		Block: openloop.Config{Schedule: openloop.Schedule{Rate: 1000, Duration: 20 * time.Second}, Connections: 8}, Seed: 1, Measure: m.measure,
	}
	if change != nil {
		change(&plan)
	}
	c, err := Compare(t.Context(), plan)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const ms = time.Millisecond

func TestInvalidRoundsAreReplaced(t *testing.T) {
	equal := map[string]time.Duration{"old": ms, "new": ms}
	starve := func(until int) func(int, *openloop.Result) {
		return func(n int, r *openloop.Result) {
			if n < until {
				r.Invalid = []string{"the generator itself was late"}
			}
		}
	}
	few := compare(t, &machine{noise: 0.01, latency: equal, spoil: starve(3)}, nil)
	if few.Verdict != report.VerdictPass || len(few.Rounds) != 13 || len(few.Rounds[0].Order) != 1 || few.Rounds[0].counts() || !few.Rounds[3].counts() {
		t.Errorf("3 of 13 rounds were spoilt: %v", few)
	}
	if len(few.Judgements) == 0 || few.Judgements[0].Rounds != 10 {
		t.Errorf("the spoilt rounds count: %+v", few.Judgements)
	}
	all := compare(t, &machine{noise: 0.01, latency: equal, spoil: starve(100000)}, func(p *Plan) { p.Within = 50 * time.Millisecond })
	if reason := all.Reasons[len(all.Reasons)-1]; all.Verdict != report.VerdictInvalid || !strings.Contains(reason, "only 0 of 10 rounds could be used") ||
		!strings.Contains(reason, "the generator itself was late; there was no time for more within 50ms") {
		t.Errorf("nothing could be measured: %v", all)
	}
}

// A machine that is too slow is told so, not waited for.
func TestCompareEndsInTime(t *testing.T) {
	c := compare(t, &machine{noise: 0.01, latency: map[string]time.Duration{"old": ms, "new": ms}}, func(p *Plan) { p.Within = time.Nanosecond })
	if c.Verdict != report.VerdictInvalid || len(c.Rounds) != 0 || !strings.Contains(strings.Join(c.Reasons, "\n"), "there was no time for more") {
		t.Errorf("%v", c)
	}
}

// What is undecided when the time is over stays so, and a request that failed after
// the last look fails all the same.
func TestTimeIsOverBetweenLooks(t *testing.T) {
	for name, c := range map[string]struct {
		spoil   func(*openloop.Result)
		verdict report.Verdict
	}{
		"undecided": {func(*openloop.Result) {}, report.VerdictInconclusive},
		"failed":    {func(r *openloop.Result) { r.Counts.Failed, r.Errors["http 503 UF"] = 1, 1 }, report.VerdictFail},
	} {
		m := &machine{noise: 0.005, latency: map[string]time.Duration{"old": 2 * ms, "new": 2100 * time.Microsecond}}
		m.spoil = func(n int, r *openloop.Result) {
			if n == 44 { // in the 12th round, after the first look
				time.Sleep(300 * time.Millisecond)
			}
			if n >= 44 && r.Name == "new" {
				c.spoil(r)
			}
		}
		got := compare(t, m, func(p *Plan) { p.Within = 300 * time.Millisecond })
		if got.Verdict != c.verdict || got.Looks != 1 || !strings.Contains(strings.Join(got.Reasons, "\n"), "there was no time for more") {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A quantile with too few answers in its tail is reported, and says why.
func TestQuantileWithoutEnoughAnswers(t *testing.T) {
	c := compare(t, &machine{noise: 0.01, latency: map[string]time.Duration{"old": ms, "new": ms}}, func(p *Plan) {
		p.Rules.Limits.TailSamples = 1000 // 20000 answers are enough for p90, p99 needs 100000
	})
	if c.Verdict != report.VerdictPass || c.Judgements[1].Verdict != report.VerdictPass || c.Judgements[2].Verdict != "" {
		t.Errorf("%v", c)
	}
	if !strings.Contains(c.Judgements[2].Reason, "p99 needs 100000 answers, there are 20000") || c.Judgements[2].Ratio.Center == 0 {
		t.Errorf("%+v", c.Judgements[2])
	}
}

// The order is random, the same for the same seed, and every round has each path twice.
func TestOrder(t *testing.T) {
	orders := map[string]bool{}
	for _, seed := range []uint64{1, 1, 2} {
		m := &machine{noise: 0.01, latency: map[string]time.Duration{"old": ms, "new": ms, "direct": ms}}
		c := compare(t, m, func(p *Plan) {
			p.Seed, p.Also = seed, []Question{{Name: "more", Kind: Added, Baseline: openloop.Path{Name: "direct"}}}
		})
		first := map[string]int{}
		for _, r := range c.Rounds {
			n := map[string]int{}
			for _, name := range r.Order {
				n[name]++
			}
			if n["old"] != 2 || n["new"] != 2 || n["direct"] != 2 {
				t.Fatalf("round %d: %v", r.Number, r.Order)
			}
			first[r.Order[0]]++
		}
		if len(first) < 2 {
			t.Errorf("seed %d: only %v come first", seed, first)
		}
		orders[strings.Join(m.order, " ")] = true
	}
	if len(orders) != 2 {
		t.Errorf("%d orders of two seeds", len(orders))
	}
}

func TestCompareRefuses(t *testing.T) {
	good := Plan{Within: time.Minute, Name: "x", Kind: Ratio, Rules: rules(t), Baseline: openloop.Path{Name: "a"}, Candidate: openloop.Path{Name: "b"}}
	for name, change := range map[string]func(*Plan){
		"kind":       func(p *Plan) { p.Kind = "other" },
		"same names": func(p *Plan) { p.Candidate.Name = "a" },
		"no name":    func(p *Plan) { p.Baseline.Name = "" },
		"rules":      func(p *Plan) { p.Rules = &Rules{} },
		"what else":  func(p *Plan) { p.Also = []Question{{Kind: "other", Baseline: openloop.Path{Name: "c"}}} },
		"a block that cannot be measured": func(p *Plan) {
			p.Measure = func(context.Context, openloop.Config) (*openloop.Result, error) {
				return nil, errors.New("nothing listens")
			}
		},
	} {
		p := good
		change(&p)
		if _, err := Compare(t.Context(), p); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestReportHoldsTheComparison(t *testing.T) {
	c := compare(t, &machine{noise: 0.01, latency: map[string]time.Duration{"old": ms, "new": 1200 * time.Microsecond}}, nil)
	l := c.Report()
	if l.Verdict != report.VerdictFail || l.Rounds != 10 || l.Requests != 800000 || l.SendLagP99Micros < 19 || len(l.Quantiles) != 3 {
		t.Errorf("%+v", l)
	}
	q := l.Quantiles[0]
	if math.Abs(q.Ratio-1.2) > 0.02 || q.CILow > q.Ratio || q.CIHigh < q.Ratio || q.Limit < 1.05 || math.Abs(q.BaselineMicros-1000) > 30 {
		t.Errorf("%+v", q)
	}
}

// Replay judges recorded rounds as Compare does, and looks again only when the first
// rounds decide nothing.
func TestReplay(t *testing.T) {
	round := func(candidate float64) func() *Round {
		n := 0
		return func() *Round {
			n++
			wobble := 1 + 0.001*float64(n%5)
			blocks := func(base float64) []Block {
				b := Block{Micros: []float64{base * wobble, base * wobble, base * wobble}}
				return []Block{b, b}
			}
			return &Round{Number: n, Blocks: map[string][]Block{"a": blocks(1000), "b": blocks(candidate)}}
		}
	}
	for candidate, want := range map[float64]report.Verdict{1000: report.VerdictPass, 1200: report.VerdictFail} {
		if c := Replay(Ratio, rules(t), "a", "b", round(candidate)); c.Verdict != want || c.Looks != 1 || len(c.Rounds) != 10 {
			t.Errorf("%v: %v", candidate, c)
		}
	}
	// Below the margin in every other round, above it in the others.
	n := 0
	c := Replay(Ratio, rules(t), "a", "b", func() *Round {
		n++
		candidate := []float64{1020, 1090}[n%2]
		return round(candidate)()
	})
	if c.Verdict != report.VerdictInconclusive || c.Looks != 2 || len(c.Rounds) != 20 {
		t.Errorf("%v after %d rounds", c.Verdict, len(c.Rounds))
	}
}

// Two questions are asked of the same rounds: each has its own baseline and verdict,
// and one failure is enough.
func TestTwoQuestions(t *testing.T) {
	for name, c := range map[string]struct {
		candidate time.Duration
		want      []report.Verdict
	}{
		"as quick as the reference":               {1000 * time.Microsecond, []report.Verdict{report.VerdictPass, report.VerdictPass}},
		"half as slow again":                      {1500 * time.Microsecond, []report.Verdict{report.VerdictPass, report.VerdictFail}},
		"too much, and slower than the reference": {4 * ms, []report.Verdict{report.VerdictFail, report.VerdictFail}},
	} {
		m := &machine{noise: 0.05, latency: map[string]time.Duration{"old": 500 * time.Microsecond, "new": c.candidate, "reference": ms}}
		got := compare(t, m, func(p *Plan) {
			profile := p.Rules.Profiles["short"]
			p.Kind, p.Rules = Added, p.Rules.With(profile)
			p.Also = []Question{{Name: "new-vs-reference", Kind: Ratio, Baseline: openloop.Path{Name: "reference"}}}
		})
		var verdicts []report.Verdict
		for _, q := range got.All() {
			verdicts = append(verdicts, q.Verdict)
		}
		if !slices.Equal(verdicts, c.want) || len(got.Rounds) != 8 || (got.Err() == nil) != (c.want[1] == report.VerdictPass) {
			t.Errorf("%s: want %v\n%v", name, c.want, got)
		}
		l := got.Also[0].Report()
		if l.Baseline != "reference" || l.Candidate != "new" || len(l.Paths) != 2 || l.Paths[0].Name != "reference" || l.Quantiles[0].Pairs[0].BaselineMicros[1] < 500 {
			t.Errorf("%s: %+v", name, l)
		}
	}
}
