package gate

import (
	"cmp"
	"fmt"
	"math"

	"istio-conformance/internal/report"
	"istio-conformance/internal/traffic/stats"
)

// Kind is the question that is asked about the candidate.
type Kind string

const (
	// Ratio asks whether the candidate takes longer than the baseline by more
	// than the margin: a new gateway against the old one.
	Ratio Kind = "ratio"
	// Added asks whether the candidate adds more than the ceiling to the
	// baseline: the gateway against the way without it.
	Added Kind = "added"
)

// Check refuses an unknown kind.
func (k Kind) Check() error {
	if k != Ratio && k != Added {
		return fmt.Errorf("kind %q is neither %s nor %s", k, Ratio, Added)
	}
	return nil
}

// Judgement is what the rounds say about one quantile.
type Judgement struct {
	Quantile
	// Verdict is pass, fail or inconclusive; empty when the quantile is only
	// reported, and Reason says why.
	Verdict report.Verdict `json:"verdict,omitempty"`
	Reason  string         `json:"reason,omitempty"`
	// Queued says that so many requests had to wait for a CPU that this quantile is
	// one of them.
	Queued bool `json:"queued,omitempty"`
	Rounds int  `json:"rounds"`
	// BaselineMicros and CandidateMicros are medians over the rounds.
	BaselineMicros  float64 `json:"baselineMicros"`
	CandidateMicros float64 `json:"candidateMicros"`
	// Ratio is candidate over baseline, AddedMicros their difference.
	Ratio       Bounds `json:"ratio"`
	AddedMicros Bounds `json:"addedMicros"`
	// Limit is the ratio, or for Added the microseconds, that is tolerated after
	// the machine's own spread was taken into account.
	Limit float64 `json:"limit"`
	// Control compares the baseline's two blocks in the same way as Ratio (A/A).
	Control Bounds `json:"control"`
	// Resolution is the ratio, or for Added the microseconds, below which the
	// machine's own spread hides everything.
	Resolution float64 `json:"resolution"`
}

// Bounds is an estimate with its interval; Low and High are 0 when there are too
// few rounds for one.
type Bounds struct {
	Center float64 `json:"center"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// pairs are the differences of one quantile in all rounds that count.
type pairs struct {
	baseline, candidate []float64 // microseconds
	ratio, control      []float64 // logarithms
	added               []float64 // microseconds
	// spread is what two blocks of one path differ by, of both paths: as logarithm,
	// and in microseconds.
	spread, spreadAdded []float64
}

// collect takes the quantile at index i of both paths from every round that count
// accepts.
func (c *Comparison) collect(i int, count func(*Round) bool) pairs {
	var p pairs
	for _, r := range c.Rounds {
		if !count(r) {
			continue
		}
		baseline, candidate := r.Blocks[c.Baseline], r.Blocks[c.Candidate]
		b1, b2, c1, c2 := baseline[0].Micros[i], baseline[1].Micros[i], candidate[0].Micros[i], candidate[1].Micros[i]
		p.baseline = append(p.baseline, math.Sqrt(b1*b2))
		p.candidate = append(p.candidate, math.Sqrt(c1*c2))
		p.ratio = append(p.ratio, math.Log(c1*c2/(b1*b2))/2)
		p.added = append(p.added, (c1+c2-b1-b2)/2)
		p.control = append(p.control, math.Log(b2/b1))
		p.spread = append(p.spread, math.Log(b2/b1), math.Log(c2/c1))
		p.spreadAdded = append(p.spreadAdded, b2-b1, c2-c1)
	}
	return p
}

// problem says why the quantile at index i cannot be believed in the round.
func (c *Comparison) problem(r *Round, i int) string {
	return cmp.Or(r.problem(c.Baseline, i), r.problem(c.Candidate, i))
}

// judge applies the rule for the quantile at index i at look number look.
func (r *Rules) judge(c *Comparison, look, i int) Judgement {
	j := Judgement{Quantile: r.Quantiles[i]}
	kind, alpha, passAlpha := c.Kind, r.Alpha*r.share(look), r.PassAlpha*r.share(look)
	p := c.collect(i, func(round *Round) bool { return round.counts() && c.problem(round, i) == "" })
	if usable := len(p.ratio); usable < stats.MinPairs(alpha) {
		j.Reason = c.tooFew(i, usable)
		p = c.collect(i, (*Round).counts)
	}
	j.Rounds = len(p.ratio)
	if j.Rounds == 0 {
		return j
	}
	ratio, added, control := stats.Locate(p.ratio, alpha, passAlpha), stats.Locate(p.added, alpha, passAlpha), stats.Locate(p.control, alpha, alpha)
	j.BaselineMicros, j.CandidateMicros = stats.Median(p.baseline), stats.Median(p.candidate)
	j.Ratio, j.Control, j.AddedMicros = bounds(ratio, math.Exp), bounds(control, math.Exp), bounds(added, identity)
	coarse := j.limit(kind, r.SpreadFactor, p)
	switch {
	case coarse && j.beyond(kind, ratio, added):
		j.Verdict, j.Reason = report.VerdictFail, ""
	case j.Reason != "":
	case kind == Added:
		j.Verdict = decide(added, j.CeilingMicros)
	case added.High < j.FloorMicros:
		j.Verdict = report.VerdictPass
	default:
		j.Verdict = decide(ratio, math.Log(j.Limit))
		if j.Verdict == report.VerdictFail && added.Center <= j.FloorMicros {
			j.Verdict = report.VerdictInconclusive
		}
	}
	return j
}

// ceilingShare is the largest part of a ceiling that the machine's own spread may
// hide: with more, the interval of a candidate that adds next to nothing would
// often reach the ceiling, and the verdict would depend on chance.
const ceilingShare = 1.0 / 3

// limit sets what is tolerated, and takes the verdict from a quantile that the
// machine resolves too coarsely: it cannot pass then.
func (j *Judgement) limit(kind Kind, factor float64, p pairs) (coarse bool) {
	enough := j.Reason == ""
	// A round's ratio is of two means of two blocks: its variance is half of that
	// of the difference of two single ones.
	errors := factor / math.Sqrt(2*float64(j.Rounds))
	if kind == Added {
		j.Limit, j.Resolution = j.CeilingMicros, errors*stats.Spread(p.spreadAdded)
		if most := ceilingShare * j.CeilingMicros; enough && j.Resolution > most {
			coarse = true
			j.Reason = fmt.Sprintf("on this machine two equal paths differ so much that only %.0f us can be told apart, at most %.0f us is enough for a ceiling of %.0f us",
				j.Resolution, most, j.CeilingMicros)
		}
		return coarse
	}
	j.Resolution = math.Exp(errors * stats.Spread(p.spread))
	j.Limit = max(j.Margin, j.Resolution)
	if enough && j.Limit > j.MaxMargin {
		coarse = true
		j.Reason = fmt.Sprintf("on this machine two equal paths differ so much that a margin of %.3g would be needed, %.3g is the largest", j.Limit, j.MaxMargin)
	}
	return coarse
}

// beyond says whether the candidate is worse by more than all that the machine may
// hide. That stands also where the machine is too coarse for anything else, and the
// candidate itself may be what makes it so: one that is slow now and then spreads.
func (j *Judgement) beyond(kind Kind, ratio, added stats.Estimate) bool {
	if kind == Added {
		return added.Low > j.CeilingMicros+j.Resolution
	}
	return ratio.Low > math.Log(j.Limit) && added.Low > j.FloorMicros
}

// decide compares an interval with what is tolerated.
func decide(e stats.Estimate, limit float64) report.Verdict {
	switch {
	case e.Low > limit:
		return report.VerdictFail
	case e.High < limit:
		return report.VerdictPass
	default:
		return report.VerdictInconclusive
	}
}

func (c *Comparison) tooFew(i, usable int) string {
	for _, r := range c.Rounds {
		if problem := c.problem(r, i); r.counts() && problem != "" {
			return fmt.Sprintf("only %d rounds can be used; round %d: %s", usable, r.Number, problem)
		}
	}
	return fmt.Sprintf("only %d rounds can be used", usable)
}

func identity(x float64) float64 { return x }

func bounds(e stats.Estimate, scale func(float64) float64) Bounds {
	b := Bounds{Center: scale(e.Center)}
	if !math.IsInf(e.Low, 0) {
		b.Low, b.High = scale(e.Low), scale(e.High)
	}
	return b
}
