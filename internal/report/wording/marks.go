package wording

// Marks in front of a line: of what holds, what failed, what a reader must know, and
// what was not asked.
const (
	MarkPass = "✓"
	MarkFail = "✗"
	MarkWarn = "‼"
	MarkSkip = "-"
)
