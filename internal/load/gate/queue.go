package gate

import (
	"context"
	"fmt"
	"math/rand/v2"

	"istio-conformance/internal/load/stats"
	"istio-conformance/internal/report"
)

// A gateway on the machine that also carries the backend, the generator and the
// cluster makes that machine busier: what it adds is then partly the wait for a
// CPU, of which a faster gateway on a larger machine would show nothing. A pass
// stands in spite of it. A failure does not, where the queue alone explains it.

// queue is how long the candidate's blocks had to wait for a CPU; the zero value is
// none.
type queue struct {
	cpus int
	// busy is the share of the CPUs' time that was used; 0 when not known.
	busy float64
	// waits is the share of requests that found no CPU free.
	waits float64
}

// queued returns the queue of the rounds that count.
func queued(rounds []*Round) queue {
	var q queue
	var busy []float64
	for _, r := range rounds {
		if r.counts() && r.Busy > 0 {
			busy, q.cpus = append(busy, r.Busy), r.CPUs
		}
	}
	if len(busy) == 0 {
		return q
	}
	q.busy = stats.Median(busy)
	q.waits = stats.ErlangC(q.cpus, q.busy)
	return q
}

// reaches says whether so many requests wait that the quantile is one of them.
func (q queue) reaches(quantile float64) bool { return q.waits > 1-quantile }

func (q queue) String() string {
	return fmt.Sprintf("while the candidate was measured the %d CPUs were %.0f %% busy, so that about %.0f %% of the requests wait for one: "+
		"that queue may be it, and no gateway; measure at a lower rate, or on more CPUs", q.cpus, 100*q.busy, 100*q.waits)
}

// doubt takes back a failure for which the queue may be to blame.
func (j *Judgement) doubt(q queue) {
	if j.Queued = q.reaches(j.Q); !j.Queued {
		return
	}
	switch j.Verdict {
	case report.VerdictFail, report.VerdictInconclusive:
		j.Verdict, j.Reason = report.VerdictInconclusive, q.String()
	}
}

// wantsLess says whether the queue for a CPU may be why there is no pass.
func (c *Comparison) wantsLess() bool {
	if c.Verdict != report.VerdictInconclusive {
		return c.Verdict == report.VerdictInvalid && c.overloaded
	}
	for i := range c.Judgements {
		if j := &c.Judgements[i]; j.Verdict == report.VerdictInconclusive && j.Queued {
			return true
		}
	}
	return false
}

// less makes the whole comparison once more at the lower rate, instead of the
// extension: it is the one other look that the level of each look allows for.
func (c *Comparison) less(ctx context.Context, plan Plan, random *rand.Rand) (*Comparison, error) {
	plan.Logf("%s; once more at %.6g requests/s, and never again", c.Reasons[0], plan.Low.Rate)
	plan.Block.Schedule = plan.Low
	next := newComparison(&plan)
	next.Earlier = c
	next.until(plan.Within)
	if err := next.measure(ctx, &plan, random, plan.Rules.Rounds); err != nil {
		return nil, err
	}
	next.judge(plan.Rules)
	return next, nil
}
