package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

// Duration returns seconds as people read them: 0.4s, 24.1s, 2m41s, 1h02m.
func Duration(seconds float64) string { return human(seconds) }

// Clean makes text from logs and errors safe to show: no terminal control
// sequences, valid UTF-8, line feeds and tabs as the only control characters.
func Clean(s string) string { return clean(s) }

// OneLine is Clean for what has to stay on one line.
func OneLine(s string) string { return oneLine(s) }

// Plural returns e.g. "1 check" or "3 checks".
func Plural(n int, noun string) string { return plural(n, noun) }

// Capital returns the text with a capital letter at its start; it must not be empty.
func Capital(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// Headline returns a failure in one line.
func (t Test) Headline() string { return headline(t) }

// Note returns the comparison in one line.
func (l Load) Note() string { return loadNote(l) }

// Note returns the upgrade's traffic in one line.
func (u Upgrade) Note() string { return upgradeNote(u) }

// Describe returns the environment in one line, without what is not known.
func (e Environment) Describe() string { return describe(e) }

// Stopped returns a heading for the run's error, which must be there.
func (r *Report) Stopped() string { return stoppedIn(r) }

// Counts are how many tests have which status.
type Counts struct{ Total, Passed, Failed, Flaky, Skipped int }

// Count returns how many of the tests have which status.
func Count(tests []Test) Counts {
	n := tally(tests)
	return Counts{Total: n.total, Passed: n.passed, Failed: n.failed, Flaky: n.flaky, Skipped: n.skipped}
}

// EscapeMarkdown makes text plain in a line, a list or a table of Markdown.
func EscapeMarkdown(s string) string { return escape(s) }

// Read returns the report in a file after holding it against the contract.
func Read(path string) (*Report, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if problems := Validate(content); len(problems) > 0 {
		return nil, fmt.Errorf("%s: %w", path, errors.Join(problems...))
	}
	var doc Report
	if err := json.Unmarshal(content, &doc); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &doc, nil
}
