package report

import (
	"fmt"
	"slices"
	"strings"

	"istio-conformance/internal/report/wording"
)

// Explanation is what a person reads: the cause, or that it is unknown and what was
// looked at; empty where nobody looked.
func (d Diagnosis) Explanation() string {
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

// Normalise makes each text one clean line.
func (d *Diagnosis) Normalise() {
	d.Symptoms = slices.Clone(d.Symptoms)
	for i := range d.Symptoms {
		s := &d.Symptoms[i]
		for _, text := range []*string{&s.Name, &s.Severity, &s.Follows, &s.Cause, &s.Fix, &s.Link} {
			*text = wording.OneLine(*text)
		}
		s.Objects, s.Evidence = wording.CleanAll(s.Objects), wording.CleanAll(s.Evidence)
	}
	if d.Looked != nil {
		d.Looked = wording.CleanAll(d.Looked)
	}
}
