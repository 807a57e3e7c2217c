package report

// Support is what Istio's project says of the versions under test.
type Support struct {
	// Standing is supported, tested (by Istio's own tests, and not promised), unknown or
	// refused; see internal/mesh/istio.
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

// supported adds Support's note to a verdict.
func (r *Report) supported(verdict string) string {
	if note := r.Environment.Support.Note(); note != "" {
		return verdict + ", " + note
	}
	return verdict
}
