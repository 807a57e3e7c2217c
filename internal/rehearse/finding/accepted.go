package finding

import (
	"fmt"
	"os"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"istio-conformance/internal/process/exitcode"
)

// Accepted is a difference that somebody has looked at and taken, until a day.
type Accepted struct {
	// Object and Field are the finding's; Rule, Before and After too, where they are set.
	Object string `json:"object"`
	Rule   string `json:"rule,omitempty"`
	Field  string `json:"field,omitempty"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// Reason is why it is taken; Expires is the last day, 2027-03-31.
	Reason  string `json:"reason"`
	Expires string `json:"expires"`

	until time.Time
	met   bool
}

// ReadAccepted reads a file of accepted differences.
func ReadAccepted(file string) ([]*Accepted, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return nil, exitcode.Usagef("--accepted %s: %w", file, err)
	}
	var all struct {
		Accepted []*Accepted `json:"accepted"`
	}
	if err := yaml.UnmarshalStrict(content, &all); err != nil {
		return nil, exitcode.Usagef("--accepted %s: %s; want a list \"accepted:\" of object, reason, expires, and of rule, field, before, after where only that is meant", file, strings.Join(strings.Fields(err.Error()), " "))
	}
	for i, a := range all.Accepted {
		var err error
		switch {
		case a.Object == "":
			err = fmt.Errorf(`it names no object, such as "HTTPRoute shop/web"`)
		case a.Reason == "":
			err = fmt.Errorf("%s has no reason", a.Object)
		default:
			if a.until, err = time.Parse(time.DateOnly, a.Expires); err != nil {
				err = fmt.Errorf("%s expires %q; want a day, such as 2027-03-31", a.Object, a.Expires)
			}
		}
		if err != nil {
			return nil, exitcode.Usagef("--accepted %s: accepted[%d]: %w", file, i, err)
		}
	}
	return all.Accepted, nil
}

// covers says whether a finding is the accepted one.
func (a *Accepted) covers(f *Finding) bool {
	for _, pair := range [][2]string{{a.Object, f.Object}, {a.Rule, f.Rule}, {a.Field, f.Field}, {a.Before, f.Before}, {a.After, f.After}} {
		if pair[0] != "" && pair[0] != pair[1] {
			return false
		}
	}
	return true
}

// Accept makes notes of what breaks or differs and is accepted today. What has expired is
// accepted no more, and what is accepted and not there any more is said.
func (r *Report) Accept(all []*Accepted, today time.Time) {
	for i := range r.Findings {
		f := &r.Findings[i]
		for _, a := range all {
			if f.Level != Breaks || !a.covers(f) {
				continue
			}
			a.met = true
			if today.Before(a.until.AddDate(0, 0, 1)) {
				f.Level = Note
				f.Why += fmt.Sprintf("; accepted until %s: %s", a.Expires, a.Reason)
				break
			}
			f.Why += fmt.Sprintf("; it was accepted until %s: %s", a.Expires, a.Reason)
		}
	}
	for _, a := range all {
		if !a.met {
			r.Findings = append(r.Findings, Finding{Level: Note, Rule: "accepted", Object: a.Object, Why: "it is accepted, and does not differ: take it out of the file"})
		}
	}
	r.Sort()
}
