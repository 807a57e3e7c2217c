package rehearsal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"istio-conformance/internal/rehearse/answers"
	"istio-conformance/internal/rehearse/questions"
	"istio-conformance/internal/rehearse/stage"
	"istio-conformance/suites/kit"
)

const (
	// idHeader marks a request, which stand-ins then write down.
	idHeader = "x-conformance-id"
	// mirrorTimeout is how long a mirrored request may take to arrive: nobody waits for it.
	mirrorTimeout = 2 * time.Second
)

// sent is a question on its way.
type sent struct {
	q *questions.Question
	// id is its mark, where it has one.
	id      string
	outcome answers.Outcome
}

func (r *Rehearsal) mark(q *questions.Question) *sent {
	s := &sent{q: q}
	if q.Marked {
		r.marks++
		s.id = fmt.Sprintf("rehearsal-%d-%d", r.began.UnixNano(), r.marks)
	}
	return s
}

// seen is the line that a stand-in writes of a marked request.
type seen struct{ ID, Version, Method, Host, Path string }

// errFewer says that some request was seen by one only; it may be so.
var errFewer = errors.New("some marked request was seen by nobody else")

// others finds who else saw the marked requests, as stand-ins have written it down.
func (r *Rehearsal) others(ctx context.Context, all []*sent) error {
	all = slices.DeleteFunc(slices.Clone(all), func(s *sent) bool { return s.id == "" })
	if len(all) == 0 {
		return nil
	}
	err := kit.Until(ctx, mirrorTimeout, func(ctx context.Context) error {
		lines, err := r.lines(ctx)
		if err != nil {
			return err
		}
		var fewer error
		for _, s := range all {
			s.outcome.Marked, s.outcome.Others = true, besides(s.outcome.Body, lines[s.id])
			if len(s.outcome.Others) == 0 {
				fewer = errFewer
			}
		}
		return fewer
	})
	if errors.Is(err, errFewer) {
		return nil // that it is not mirrored, or not always, is an answer
	}
	return err
}

// lines are what all stand-ins have written down, by the marks.
func (r *Rehearsal) lines(ctx context.Context) (map[string][]seen, error) {
	found, asked := map[string][]seen{}, map[string]bool{}
	for _, s := range r.live.StandIns {
		if asked[s.Namespace] {
			continue
		}
		asked[s.Namespace] = true
		text, err := r.Stack.Logs(ctx, s.Namespace, stage.StandInLabel, "backend")
		if err != nil {
			return nil, err
		}
		for line := range strings.Lines(text) {
			var l seen
			if json.Unmarshal([]byte(line), &l) == nil && l.ID != "" { // others are for people
				found[l.ID] = append(found[l.ID], l)
			}
		}
	}
	return found, nil
}

// besides are who saw a request beside the one who answered it.
func besides(body string, all []seen) []string {
	var answered seen
	if json.Unmarshal([]byte(body), &answered) != nil {
		answered = seen{} // a proxy has
	}
	var others []string
	found := false
	for _, l := range all {
		if !found && answered.Version == l.Version && answered.Host == l.Host {
			found = true
			continue
		}
		others = append(others, fmt.Sprintf("%s as %s %s%s", l.Version, l.Method, l.Host, l.Path))
	}
	slices.Sort(others)
	return others
}
