package rehearsal

import (
	"fmt"
	"slices"
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

// blame puts a difference down to an object. Where the configuration changed too, it is
// one that changed: the only one, the one that the question is made from, or those that
// are about what it asks.
func (r *Rehearsal) blame(f *finding.Finding, q *questions.Question) {
	candidates := slices.DeleteFunc(slices.Clone(r.changed), func(o *capture.Object) bool { return !concerns(o, q) })
	if len(candidates) == 0 {
		candidates = r.changed
	}
	if i := slices.IndexFunc(candidates, func(o *capture.Object) bool { return o.String() == q.Object }); i >= 0 {
		candidates = candidates[i : i+1]
	}
	if len(candidates) == 0 {
		return
	}
	var all []string
	for _, o := range candidates {
		all = append(all, o.String())
	}
	f.Object = strings.Join(all, " or ")
	f.File, f.Line = candidates[0].File, candidates[0].LineOf(r.changedField(candidates[0], q)...)
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

// concerns says whether an object may decide about a question: it names the host, or it
// is a policy of the namespace that the question goes to or through.
func concerns(o *capture.Object, q *questions.Question) bool {
	host, _, _ := strings.Cut(q.Host, ":")
	service, rest, _ := strings.Cut(q.To, ".")
	namespace, _, _ := strings.Cut(rest, ".")
	if q.To == "" {
		_, via, _ := strings.Cut(q.Via, " ")
		namespace, _, _ = strings.Cut(via, "/")
	}
	for _, key := range []string{"hosts", "host", "hostnames"} {
		text := fmt.Sprint(o.Fields("spec", key))
		if strings.Contains(text, host) || service != "" && strings.Contains(text, service) {
			return true
		}
	}
	switch o.Kind() {
	case "AuthorizationPolicy", "RequestAuthentication", "PeerAuthentication", "EnvoyFilter", "Telemetry", "Sidecar", "Service", "Gateway":
		return o.Namespace() == namespace || o.Namespace() == "istio-system"
	}
	return false
}
