// Package rehearsal sets a captured mesh up in a cluster of its own, upgrades it under
// traffic, and compares how both versions answer what its configuration is asked.
package rehearsal

import (
	"context"
	"fmt"
	"slices"

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
	clientNamespace  = "rehearsal-client"
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

	live    *stage.Live
	notes   []notes.Note
	report  *finding.Report
	changed []*capture.Object
}

// Run makes the rehearsal. An error says that there is nothing to judge.
func (r *Rehearsal) Run(ctx context.Context, recorder *record.Recorder) (_ *finding.Report, err error) {
	r.report = &finding.Report{How: "traffic", From: r.From.String(), To: r.To.String()}
	if r.notes, err = notes.On(r.From, r.To); err != nil {
		return nil, err
	}
	if r.Stack.InstallError != nil {
		return nil, fmt.Errorf("install Istio %s as captured: %w", r.From, r.Stack.InstallError)
	}
	r.report.Kubernetes = r.Stack.Cell.Kubernetes
	var before, after round
	var lost *loss
	for _, p := range []struct {
		name string
		run  func(context.Context, progress.Logf) error
	}{
		{"mesh", r.set},
		{"reference", func(ctx context.Context, logf progress.Logf) error { before, err = r.settled(ctx, logf); return err }},
		{"upgrade", func(ctx context.Context, logf progress.Logf) error {
			lost, err = r.upgrade(ctx, before, logf)
			return err
		}},
		{"answers", func(ctx context.Context, logf progress.Logf) error { after, err = r.settled(ctx, logf); return err }},
	} {
		phase := recorder.Phase(p.name)
		err := p.run(ctx, phase.Logf)
		phase.Done(err)
		if err != nil {
			return nil, err
		}
	}
	r.compare(before, after)
	r.cover(before)
	lost.tell(r.report)
	r.report.Assumed = slices.Concat(r.Plan.Notes, r.live.Notes)
	r.report.Sort()
	return r.report, nil
}

// compare says which questions are answered otherwise.
func (r *Rehearsal) compare(before, after round) {
	r.changed = nil
	if r.After != nil {
		r.changed = capture.Changed(r.Plan.Mesh, r.After)
	}
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
		for _, d := range answers.Compare(x, y, q.Times > 1) {
			r.differs(q, d, x, y)
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
