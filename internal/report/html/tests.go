package html

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

// test is one check with what the page adds to it.
type test struct {
	report.Test
	// Anchor is unique in the page.
	Anchor   string
	Evidence []file
	// Unshown says how much of the evidence is not listed.
	Unshown string
	Events  *timeline
}

// suite is a branch of the tree.
type suite struct {
	Name     string
	Counts   report.Counts
	Seconds  float64
	Features []feature
}

// feature is a branch of a suite; its name is empty when the checks have none.
type feature struct {
	Name   string
	Counts report.Counts
	Tests  []*test
}

func newTests(doc *report.Report, r *reader) []*test {
	anchors := map[string]bool{}
	all := make([]*test, 0, len(doc.Tests))
	for _, t := range doc.Tests {
		one := &test{Test: t, Anchor: anchor(t.ID(), anchors)}
		if t.Status == report.Fail {
			one.Evidence, one.Unshown = r.files(t.Evidence)
			one.Events = newTimeline(t, r.events(t.Evidence))
		}
		all = append(all, one)
	}
	return all
}

// anchor makes a name that a link can lead to, and that no other has.
func anchor(name string, taken map[string]bool) string {
	base := Anchor(name)
	a := base
	for i := 2; taken[a]; i++ {
		a = fmt.Sprintf("%s-%d", base, i)
	}
	taken[a] = true
	return a
}

// Anchor makes a name that a link can lead to.
func Anchor(name string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' {
			return c
		}
		return '-'
	}, name)
}

// FailureAnchor is where a page speaks of a check's failure.
func FailureAnchor(id string) string { return failureAnchor(Anchor(id)) }

func failureAnchor(anchor string) string { return "failure-" + anchor }

// tree puts the tests into their suites and features, in the order of the run.
func tree(tests []*test) []suite {
	var suites []suite
	for _, t := range tests {
		i := slices.IndexFunc(suites, func(s suite) bool { return s.Name == t.Suite })
		if i < 0 {
			i = len(suites)
			suites = append(suites, suite{Name: t.Suite})
		}
		s := &suites[i]
		name := featureOf(t.Test)
		k := slices.IndexFunc(s.Features, func(f feature) bool { return f.Name == name })
		if k < 0 {
			k = len(s.Features)
			s.Features = append(s.Features, feature{Name: name})
		}
		s.Features[k].Tests = append(s.Features[k].Tests, t)
		s.Seconds += t.Seconds
	}
	for i := range suites {
		var all []report.Test
		for k := range suites[i].Features {
			f := &suites[i].Features[k]
			f.Counts = report.Count(plain(f.Tests))
			all = append(all, plain(f.Tests)...)
		}
		suites[i].Counts = report.Count(all)
	}
	return suites
}

func featureOf(t report.Test) string { return t.Labels["feature"] }

func plain(tests []*test) []report.Test {
	all := make([]report.Test, len(tests))
	for i, t := range tests {
		all[i] = t.Test
	}
	return all
}

// Share is the bar of the suite.
func (s suite) Share() []share { return shares(s.Counts) }

// Time is how long the suite's checks took together.
func (s suite) Time() string { return wording.Duration(s.Seconds) }

// Open reports whether the suite is shown unfolded: when something in it is not green.
func (s suite) Open() bool { return s.Counts.Failed+s.Counts.Flaky > 0 || s.Counts.Total <= 60 }

// Summary is how the checks of a branch ended, in words.
func Summary(n report.Counts) string {
	var parts []string
	for _, part := range []struct {
		n    int
		word string
	}{{n.Failed, "failed"}, {n.Flaky, "flaky"}, {n.Passed, "passed"}, {n.Skipped, "skipped"}} {
		if part.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", part.n, part.word))
		}
	}
	return strings.Join(parts, ", ")
}

// Summary is how the suite's checks ended.
func (s suite) Summary() string { return Summary(s.Counts) }

// Summary is how the feature's checks ended.
func (f feature) Summary() string { return Summary(f.Counts) }

// Mark is the outcome's sign.
func (t *test) Mark() string {
	if t.Unmeasured {
		return "‼"
	}
	marks := map[report.Status]string{report.Pass: "✓", report.Flaky: "‼", report.Skip: "–"}
	return cmp.Or(marks[t.Status], "✗")
}

// Tone is the outcome's colour class.
func (t *test) Tone() string {
	if t.Unmeasured {
		return "warn"
	}
	tones := map[report.Status]string{report.Pass: "pass", report.Flaky: "warn", report.Skip: "skip"}
	return cmp.Or(tones[t.Status], "fail")
}

// Word is the outcome in words.
func (t *test) Word() string {
	words := map[report.Status]string{report.Pass: "passed", report.Flaky: "flaky", report.Skip: "skipped"}
	return cmp.Or(words[t.Status], "failed")
}

// Time is how long the test took; empty when it did not run.
func (t *test) Time() string {
	if t.Status == report.Skip && !t.Unmeasured {
		return ""
	}
	return wording.Duration(t.Seconds)
}

// Said is everything that the test's text filter looks through.
func (t *test) Said() string {
	return strings.ToLower(strings.Join(slices.Concat(
		[]string{t.ID(), featureOf(t.Test), t.Description, t.Reason, t.Diagnosis.Cause}, t.Observed, t.Failures), "\n"))
}

// Link is where to read more, when it is an address of the web.
func (t *test) Link() string { return webAddress(t.Diagnosis.Link) }

// LinkText is the link where it is no address of the web.
func (t *test) LinkText() string {
	if t.Link() != "" {
		return ""
	}
	return t.Diagnosis.Link
}

// Facts are the smaller things that are known of the test.
func (t *test) Facts() []fact {
	all := []fact{{"Assertions", strconv.Itoa(t.Assertions)}, {"Attempts", strconv.Itoa(t.Attempts)}}
	if t.Status == report.Skip {
		all = nil
	}
	if !t.Started.IsZero() && t.Status != report.Skip {
		all = append(all, fact{"Started", t.Started.UTC().Format(time.TimeOnly) + " UTC"})
	}
	for _, label := range slices.Sorted(maps.Keys(t.Labels)) {
		all = append(all, fact{label, t.Labels[label]})
	}
	return all
}

// webAddress returns the address if a browser may follow it, or "".
func webAddress(s string) string {
	u, err := url.Parse(s)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" {
		return ""
	}
	return s
}
