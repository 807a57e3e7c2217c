package rehearsal

import (
	"fmt"
	"strings"

	"istio-conformance/internal/rehearse/answers"
	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/finding"
	"istio-conformance/internal/rehearse/notes"
	"istio-conformance/internal/rehearse/questions"
)

// differs says one difference: who asked what, the answers, the object that decides.
func (r *Rehearsal) differs(q *questions.Question, d answers.Difference, before, after *answers.Answers) {
	f := finding.Finding{
		Level: finding.Breaks, Rule: "answer", Object: q.Object, File: q.File, Line: q.Line, Field: d.Field,
		Why: fmt.Sprintf("%s (%s)", q, q.About), Before: before.String(), After: after.String(), Explained: "unexplained",
	}
	if f.Before == f.After {
		f.Before, f.After = d.Before+": "+f.Before, d.After+": "+f.After
	}
	r.blame(&f, q)
	for _, o := range r.meshOf().Objects {
		if o.String() == f.Object {
			f.Origin = o.Origin()
		}
	}
	if n := notes.ExplainAnswer(r.notes, fmt.Sprintf("%s: %s", f.Object, d)); n != nil {
		f.Explained, f.Link = n.Sentence(), n.Link
	}
	// Many questions show the same: the first one says it, and the last how many they are.
	for i := range r.report.Findings {
		if same := &r.report.Findings[i]; same.Rule == f.Rule && same.Object == f.Object && same.Line == f.Line && same.Field == f.Field && same.Explained == f.Explained {
			same.More++
			return
		}
	}
	r.report.Findings = append(r.report.Findings, f)
}

func (r *Rehearsal) meshOf() *capture.Mesh {
	if r.After != nil {
		return r.After
	}
	return r.Plan.Mesh
}

// blame puts a difference down to an object where the configuration changed: to what was
// seen to decide, when each change was taken back by itself, or to all that changed at all.
func (r *Rehearsal) blame(f *finding.Finding, q *questions.Question) {
	causes, tried := r.causes[q.Key()]
	switch {
	case len(r.changed) == 0:
		return
	case tried && len(causes) == 0:
		f.Why += "; no changed object brings the former answer back when it alone is taken back"
		return
	case len(r.changed) == 1 && r.From == r.To:
		causes = r.changed
	case !tried:
		f.Why += fmt.Sprintf("; which of the %d changed objects decides is not known", len(r.changed))
		return
	}
	var all []string
	for _, o := range causes {
		all = append(all, o.String())
	}
	f.Object = strings.Join(all, " and ")
	f.File, f.Line = causes[0].File, causes[0].LineOf(r.changedField(causes[0], q)...)
}

// changedField is the field of an object that differs between the captures: of several the
// one that is nearest to what the question is made from.
func (r *Rehearsal) changedField(o *capture.Object, q *questions.Question) []string {
	var best []string
	most := -1
	for _, other := range r.Plan.Mesh.Objects {
		if other.String() != o.String() || other.Group() != o.Group() {
			continue
		}
		for _, path := range capture.Differs(other.Body, o.Body) {
			n := 0
			for o.String() == q.Object && n < min(len(path), len(q.Field)) && path[n] == q.Field[n] {
				n++
			}
			if n > most {
				best, most = path, n
			}
		}
	}
	return best
}
