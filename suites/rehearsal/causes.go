package rehearsal

import (
	"context"
	"slices"
	"time"

	"istio-conformance/internal/process/progress"
	"istio-conformance/internal/rehearse/answers"
	"istio-conformance/internal/rehearse/capture"
)

const (
	// mostTakenBack is how many changed objects are taken back one after the other.
	mostTakenBack = 16
	// takeBackTimeout is how long a change that is taken back may take to act.
	takeBackTimeout = 10 * time.Second
)

// findCauses finds which of several changes decides about each difference: it takes each
// back by itself and sees which answers come back. More objects than mostTakenBack are not
// tried.
func (r *Rehearsal) findCauses(ctx context.Context, all []difference, logf progress.Logf) error {
	r.causes = map[string][]*capture.Object{}
	if len(all) == 0 || len(r.changed) == 0 || len(r.changed) > mostTakenBack || len(r.changed) == 1 && r.From == r.To {
		return nil
	}
	all = slices.Clone(all)
	for _, o := range r.changed {
		back, err := r.undone(ctx, capture.TakenBack(r.After, r.Plan.Mesh, o), all, func(n int) bool { return n == len(all) })
		if err != nil {
			return err
		}
		for _, d := range back {
			r.causes[d.q.Key()] = append(r.causes[d.q.Key()], o)
		}
		logf("without the change of %s %d of %d answers are as before", o, len(back), len(all))
		// The next one begins where all are otherwise again.
		if back, err = r.undone(ctx, r.After, all, func(n int) bool { return n == 0 }); err != nil {
			return err
		}
		for _, d := range back {
			delete(r.causes, d.q.Key())
			all = slices.DeleteFunc(all, func(of difference) bool { return of.q == d.q })
			logf("%s is answered as before although the change is there again: its cause is not looked for", d.q)
		}
	}
	for _, d := range all {
		if r.causes[d.q.Key()] == nil {
			r.causes[d.q.Key()] = []*capture.Object{} // tried, and none
		}
	}
	return nil
}

// undone are the differences that are gone with another configuration. It asks until so
// many are as are enough, at most for takeBackTimeout: proxies learn of a change later.
func (r *Rehearsal) undone(ctx context.Context, mesh *capture.Mesh, all []difference, enough func(int) bool) ([]difference, error) {
	if _, err := r.reconfigure(ctx, mesh); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(takeBackTimeout); ; {
		now, err := r.settled(ctx, questionsOf(all), func(string, ...any) {})
		if err != nil {
			return nil, err
		}
		var gone []difference
		for _, d := range all {
			chance, answered := d.q.Times > 1, now[d.q.Key()]
			if len(answers.Compare(d.before, answered, chance)) == 0 && len(answers.Compare(d.after, answered, chance)) > 0 {
				gone = append(gone, d)
			}
		}
		if enough(len(gone)) || time.Now().After(deadline) {
			return gone, nil
		}
	}
}
