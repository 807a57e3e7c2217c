package report

import (
	"fmt"
	"math"
)

// AddLoad records a latency comparison. One that holds a number that is not
// finite, e.g. a ratio over nothing, is invalid and that number becomes 0.
func (r *Recorder) AddLoad(l Load) {
	r.mu.Lock()
	defer r.mu.Unlock()
	l.Name = oneLine(l.Name)
	finite := true
	settle := func(v *float64) {
		finite = finite && !math.IsNaN(*v) && !math.IsInf(*v, 0)
		*v = round(*v)
	}
	settle(&l.Rate)
	settle(&l.SendLagP99Micros)
	l.Quantiles = append([]Quantile{}, l.Quantiles...)
	for i := range l.Quantiles {
		q := &l.Quantiles[i]
		for _, v := range []*float64{&q.BaselineMicros, &q.CandidateMicros, &q.Ratio, &q.CILow, &q.CIHigh, &q.Limit} {
			settle(v)
		}
	}
	if !finite {
		l.Verdict = VerdictInvalid
		r.warn(fmt.Sprintf("load %s is invalid: it holds a number that is not finite", l.Name))
	}
	r.report.Load = append(r.report.Load, l)
}

// AddUpgrade records an upgrade.
func (r *Recorder) AddUpgrade(u Upgrade) {
	r.mu.Lock()
	defer r.mu.Unlock()
	u.LongestGapMillis = round(u.LongestGapMillis)
	u.Phases = append([]PhaseTime{}, u.Phases...)
	r.report.Upgrade = append(r.report.Upgrade, u)
}
