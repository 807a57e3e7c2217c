package report

// Names of the files in a run's directory that others mention.
const (
	JSONName     = "report.json"
	MarkdownName = "summary.md"
)

// SuitesPhase is RunError.Phase when the checks did not run as planned.
const SuitesPhase = "suites"

// Output is one more file of a run's directory, beside report.json.
type Output struct {
	Name string
	// Render returns the file's content; dir is the run's directory.
	Render func(doc *Report, dir string) ([]byte, error)
}
