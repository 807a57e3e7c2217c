package gate

import (
	"fmt"

	"istio-conformance/internal/report"
	"istio-conformance/internal/traffic/stats"
)

// A gateway on the machine that also carries the backend, the generator and the
// cluster makes that machine busier: what it adds is then partly the wait for a
// CPU, of which a faster gateway on a larger machine would show nothing. A pass
// stands in spite of it. A failure does not, where the queue alone explains it.
// Two gateways wait in the same queue, so that their ratio needs no such doubt.

// queue is how long the candidate's blocks had to wait for a CPU; the zero value is
// none.
type queue struct {
	cpus int
	// busy is the share of the CPUs' time that was used; 0 when not known.
	busy float64
	// waits is the share of requests that found no CPU free.
	waits float64
}

// queue returns the queue of the rounds that count.
func (c *Comparison) queue() queue {
	var q queue
	if c.Kind != Added {
		return q
	}
	for _, r := range c.Rounds {
		for _, b := range r.Blocks[c.Candidate] {
			q.cpus = b.CPUs
		}
	}
	q.busy = c.middle(c.Candidate, func(b Block) float64 { return b.Busy })
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

// waive takes the verdict from an optional quantile that stays undecided.
func (j *Judgement) waive() {
	if !j.Optional || j.Verdict != report.VerdictInconclusive {
		return
	}
	if j.Verdict = ""; j.Reason == "" {
		j.Reason = "these rounds do not decide it"
	}
}
