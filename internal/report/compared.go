package report

// Compared is how a run stands to an earlier one, its baseline. It changes nothing
// of the verdict.
type Compared struct {
	// With names the baseline, e.g. "run 20261123-021800 (pass)".
	With string
	// Summary is the comparison in one line.
	Summary string
	// Environment is what differs in the environments.
	Environment []string
	// Groups are what a reader of the console wants to know first; Markdown is all.
	Groups   []ChangeGroup
	Markdown string
}

// ChangeGroup is a kind of change, such as newly failing, with what changed so.
type ChangeGroup struct {
	Title, Mark string
	Changes     []string
}
