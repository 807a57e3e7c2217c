package report

import "strings"

// Support is what Istio's project says of the versions under test.
type Support struct {
	// Standing is supported, tested (by Istio's own tests, and not promised), unknown or
	// refused; see internal/istio.
	Standing string `json:"standing"`
	// Why is a sentence without a full stop.
	Why string `json:"why"`
}

// The standings of Support.
var standings = []string{"supported", "tested", "unknown", "refused"}

// Note is what a verdict needs beside it so that nobody takes the versions for
// supported ones; empty where they are, or where nothing was judged.
func (s *Support) Note() string {
	switch {
	case s == nil || s.Standing == "supported":
		return ""
	case s.Standing == "unknown":
		return "support unknown"
	case s.Standing == "tested":
		return "tested by Istio, not supported"
	default:
		return "not supported by Istio"
	}
}

// Beside is what stands beside the verdict so that nobody takes it for more than it is:
// that latency was not judged, and that Istio does not support the versions. Empty
// where there is nothing.
func (r *Report) Beside() string {
	var all []string
	if note := r.Environment.Support.Note(); note != "" {
		all = append(all, note)
	}
	if r.PassesUnjudged() {
		all = append(all, NotJudged)
	}
	return strings.Join(all, "; ")
}
