package html

import "istio-conformance/internal/report"

// symptom is an entry of the catalogue of symptoms that the evidence shows.
type symptom struct{ report.Symptom }

// Symptoms are what the catalogue found in the evidence.
func (t *test) Symptoms() []symptom {
	all := make([]symptom, 0, len(t.Diagnosis.Symptoms))
	for _, s := range t.Diagnosis.Symptoms {
		all = append(all, symptom{s})
	}
	return all
}

// Unexplained reports whether neither the check nor the catalogue named a cause;
// then the symptoms are all there is, and are shown unfolded.
func (t *test) Unexplained() bool { return t.Diagnosis.Cause == "" }

// Tone is the colour class of the severity.
func (s symptom) Tone() string {
	if s.Severity == "fault" {
		return "fail"
	}
	return "warn"
}

// Standing says how the symptom stands to the failure, where it may not be its cause.
func (s symptom) Standing() string {
	switch {
	case s.Follows != "":
		return "follows from " + s.Follows
	case !s.Related:
		return "nothing says that it is about this check"
	}
	return ""
}

// Href is where to read more, when it is an address of the web.
func (s symptom) Href() string { return webAddress(s.Link) }
