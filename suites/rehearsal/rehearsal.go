// Package rehearsal sets a captured mesh up in a cluster of its own, upgrades it under
// traffic, and compares how both versions answer what its configuration is asked.
package rehearsal

import (
	"context"
	"fmt"
	"slices"
	"time"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/progress"
	"istio-conformance/internal/rehearse/answers"
	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/finding"
	"istio-conformance/internal/rehearse/notes"
	"istio-conformance/internal/rehearse/questions"
	"istio-conformance/internal/rehearse/stage"
	"istio-conformance/internal/report/record"
	"istio-conformance/internal/stack"
)

// The namespaces of the askers that are no workload of the mesh.
const (
	outsideNamespace = "rehearsal-outside"
	clientNamespace  = questions.ClientNamespace
)

// Rehearsal is one that is about to begin.
type Rehearsal struct {
	// Stack is built, with the installation of the plan at From.
	Stack *stack.Stack
	Plan  *Plan
	// After is the mesh to go to, and Installation the file of its releases; both are
	// empty where only the version changes.
	After        *capture.Mesh
	Installation string
	From, To     istio.Version
	// Rate is that of the traffic through the gateways while Istio is upgraded, in
	// requests per second.
	Rate float64

	live   *stage.Live
	notes  []notes.Note
	report *finding.Report
	began  time.Time
	// marks counts the requests that were marked.
	marks int
	// changed are the objects that differ between the captures; causes are those of them
	// that decide about a question, by its key, as far as that was tried.
	changed []*capture.Object
	causes  map[string][]*capture.Object
}

// Run makes the rehearsal. An error says that there is nothing to judge.
func (r *Rehearsal) Run(ctx context.Context, recorder *record.Recorder) (_ *finding.Report, err error) {
	r.began, r.report = time.Now(), &finding.Report{How: "traffic", From: r.From.String(), To: r.To.String()}
	if r.After != nil {
		r.changed = capture.Changed(r.Plan.Mesh, r.After)
	}
	if r.notes, err = notes.On(r.From, r.To); err != nil {
		return nil, err
	}
	if r.Stack.InstallError != nil {
		return nil, fmt.Errorf("install Istio %s as captured: %w", r.From, r.Stack.InstallError)
	}
	r.report.Kubernetes = r.Stack.Cell.Kubernetes
	all := r.Plan.Questions.Questions
	var before, after round
	var found []difference
	var lost *loss
	for _, p := range []struct {
		name string
		run  func(context.Context, progress.Logf) error
	}{
		{"mesh", r.set},
		{"reference", func(ctx context.Context, logf progress.Logf) error {
			before, err = r.settled(ctx, all, logf)
			return err
		}},
		{"upgrade", func(ctx context.Context, logf progress.Logf) error {
			lost, err = r.upgrade(ctx, before, logf)
			return err
		}},
		{"answers", func(ctx context.Context, logf progress.Logf) error {
			after, err = r.settled(ctx, all, logf)
			return err
		}},
		{"causes", func(ctx context.Context, logf progress.Logf) error {
			if found, err = r.confirmed(ctx, r.differences(before, after), logf); err != nil {
				return err
			}
			return r.findCauses(ctx, found, logf)
		}},
	} {
		phase := recorder.Phase(p.name)
		err := p.run(ctx, phase.Logf)
		phase.Done(err)
		if err != nil {
			return nil, err
		}
	}
	r.tell(found)
	r.cover(before)
	lost.tell(r.report)
	r.report.Assumed = slices.Concat(r.Plan.Notes, r.live.Notes)
	r.report.Sort()
	return r.report, nil
}

// difference is a question that is answered otherwise.
type difference struct {
	q             *questions.Question
	fields        []answers.Difference
	before, after *answers.Answers
}

// differences are the questions that are answered otherwise.
func (r *Rehearsal) differences(before, after round) []difference {
	var all []difference
	for _, q := range r.Plan.Questions.Questions {
		x, y := before[q.Key()], after[q.Key()]
		if x == nil || y == nil {
			continue
		}
		if q.Times == 1 && !x.Stable() {
			r.report.NotLooked = append(r.report.NotLooked, fmt.Sprintf("%s (%s %s): Istio %s does not answer it always the same: %s", q, q.Object, q.About, r.From, x))
			if y.Usual().String() == x.Usual().String() {
				continue
			}
		}
		if fields := answers.Compare(x, y, q.Times > 1); len(fields) > 0 {
			all = append(all, difference{q, fields, x, y})
		}
	}
	return all
}

// confirmed are the differences that are there still when it is asked once more.
func (r *Rehearsal) confirmed(ctx context.Context, all []difference, logf progress.Logf) ([]difference, error) {
	if len(all) == 0 {
		return nil, nil
	}
	now, err := r.settled(ctx, questionsOf(all), logf)
	if err != nil {
		return nil, err
	}
	var kept []difference
	for _, d := range all {
		after := now[d.q.Key()]
		fields := answers.Compare(d.before, after, d.q.Times > 1)
		if len(fields) == 0 {
			r.report.NotLooked = append(r.report.NotLooked, fmt.Sprintf("%s (%s %s): Istio %s answered it otherwise once, and then as before: %s", d.q, d.q.Object, d.q.About, r.To, d.after))
			continue
		}
		kept = append(kept, difference{d.q, fields, d.before, after})
	}
	return kept, nil
}

func questionsOf(all []difference) []*questions.Question {
	var of []*questions.Question
	for _, d := range all {
		of = append(of, d.q)
	}
	return of
}

// tell says the differences.
func (r *Rehearsal) tell(all []difference) {
	for _, d := range all {
		for _, field := range d.fields {
			r.differs(d.q, field, d.before, d.after)
		}
	}
}

// cover says how much of the configuration was asked.
func (r *Rehearsal) cover(before round) {
	set := r.Plan.Questions
	r.report.Looked = append(r.report.Looked, fmt.Sprintf("how Istio %s and %s answer %d questions about %d of %d branches of the configuration", r.From, r.To, len(set.Questions), set.Asked(), len(set.Branches)))
	for _, b := range set.Branches {
		if b.Why != "" {
			r.report.NotLooked = append(r.report.NotLooked, fmt.Sprintf("%s %s: %s", b.Object, b.Name, b.Why))
		}
	}
	for _, q := range set.Questions {
		if x := before[q.Key()]; x != nil && !x.Usual().Answered() && (q.Via != "" || q.Asker != questions.Outside) {
			r.report.NotLooked = append(r.report.NotLooked, fmt.Sprintf("%s (%s %s): Istio %s gives no answer: %s", q, q.Object, q.About, r.From, x))
		}
	}
}
