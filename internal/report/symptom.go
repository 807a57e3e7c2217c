package report

import (
	"fmt"
	"slices"
	"strings"
)

// cause is what a person reads: the cause, or that it is unknown and what was
// looked at; empty where nobody looked.
func (d Diagnosis) cause() string {
	if d.Cause != "" || d.Looked == nil {
		return d.Cause
	}
	return "unknown: no symptom of the catalogue explains it; looked at " + strings.Join(d.Looked, ", ")
}

// String is the symptom with its first line of evidence.
func (s Symptom) String() string {
	text := s.Name + ": " + s.Cause
	switch {
	case s.Follows != "":
		text += " (follows from " + s.Follows + ")"
	case !s.Related:
		text += " (nothing says that it is about this check)"
	}
	if len(s.Evidence) > 0 {
		text += fmt.Sprintf("; %s", s.Evidence[0])
	}
	return text
}

// normalise makes each text one clean line.
func (d *Diagnosis) normalise() {
	d.Symptoms = slices.Clone(d.Symptoms)
	for i := range d.Symptoms {
		s := &d.Symptoms[i]
		for _, text := range []*string{&s.Name, &s.Severity, &s.Follows, &s.Cause, &s.Fix, &s.Link} {
			*text = oneLine(*text)
		}
		s.Objects, s.Evidence = cleanAll(s.Objects), cleanAll(s.Evidence)
	}
	if d.Looked != nil {
		d.Looked = cleanAll(d.Looked)
	}
}
