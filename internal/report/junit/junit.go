// Package junit writes a report as the JUnit XML that Jenkins, GitLab and GitHub's
// report actions read.
package junit

import (
	"bytes"
	"cmp"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

type (
	junitSuites struct {
		XMLName xml.Name     `xml:"testsuites"`
		Name    string       `xml:"name,attr"`
		Time    string       `xml:"time,attr"`
		Tests   int          `xml:"tests,attr"`
		Failed  int          `xml:"failures,attr"`
		Skipped int          `xml:"skipped,attr"`
		Suites  []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name       string           `xml:"name,attr"`
		Timestamp  string           `xml:"timestamp,attr"`
		Time       string           `xml:"time,attr"`
		Tests      int              `xml:"tests,attr"`
		Failed     int              `xml:"failures,attr"`
		Skipped    int              `xml:"skipped,attr"`
		Properties *junitProperties `xml:"properties"`
		Cases      []junitCase      `xml:"testcase"`

		seconds float64
	}
	junitCase struct {
		Class      string           `xml:"classname,attr"`
		Name       string           `xml:"name,attr"`
		Time       string           `xml:"time,attr"`
		Properties *junitProperties `xml:"properties"`
		Failure    *junitMessage    `xml:"failure"`
		Skipped    *junitMessage    `xml:"skipped"`
		Output     *junitOutput     `xml:"system-out"`
	}
	junitOutput struct {
		Text string `xml:",cdata"`
	}
	junitProperties struct {
		Property []junitProperty `xml:"property"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitMessage struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",cdata"`
	}
)

// Output writes junit.xml.
func Output() report.Output {
	return report.Output{Name: "junit.xml", Render: func(doc *report.Report, _ string) ([]byte, error) { return render(doc) }}
}

// renderJUnit returns junit.xml. What has no check of its own but decides the
// verdict, i.e. a failed set-up and measurements, appears as a synthetic case.
func render(doc *report.Report) ([]byte, error) {
	all := junitSuites{Name: "istio-conformance", Time: junitTime(doc.Finished.Sub(doc.Started).Seconds())}
	add := func(suite string, c junitCase, seconds float64) {
		c.Class, c.Time = wording.Clean(suite), junitTime(seconds)
		s := all.suite(suite, doc)
		s.Cases = append(s.Cases, c)
		s.seconds += seconds
	}
	if e := doc.Error; e != nil {
		add("setup", junitCase{Name: cmp.Or(wording.Clean(e.Phase), "unknown"), Failure: setUpFailure(doc)}, doc.FailedPhase().Seconds)
	}
	for _, t := range doc.Tests {
		c := testCase(t)
		if l := doc.LoadOf(t); l != nil && t.Unmeasured {
			if required := loadCase(doc, *l).Failure; required != nil {
				c.Failure, c.Skipped = required, nil
			}
		}
		add(t.Suite, c, t.Seconds)
	}
	for _, l := range doc.Load {
		if slices.ContainsFunc(doc.Tests, func(t report.Test) bool { return t.ID() == l.ID() }) {
			continue // the check that measured it is there already
		}
		add("load", loadCase(doc, l), 0)
	}
	for i, u := range doc.Upgrade {
		c := measurementCase(u.From+"-to-"+u.To, u.Verdict, u.Note())
		if report.Replaced(doc.Upgrade, i) {
			c.Failure, c.Skipped = nil, c.Failure // it decides nothing
		}
		add("upgrade", c, 0)
	}
	all.count()
	content, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return nil, err
	}
	return bytes.Join([][]byte{[]byte(xml.Header), content, []byte("\n")}, nil), nil
}

// suite returns the suite of that name, made when it is not there yet.
func (all *junitSuites) suite(name string, doc *report.Report) *junitSuite {
	for i := range all.Suites {
		if all.Suites[i].Name == wording.Clean(name) {
			return &all.Suites[i]
		}
	}
	e := doc.Environment
	all.Suites = append(all.Suites, junitSuite{
		Name: wording.Clean(name), Timestamp: doc.Started.UTC().Format(time.RFC3339),
		Properties: properties("run", doc.Run, "istio", e.Istio, "kubernetes", e.Kubernetes, "images", e.Images, "helm", e.Helm, "kernel", e.Kernel),
	})
	return &all.Suites[len(all.Suites)-1]
}

func (all *junitSuites) count() {
	for i := range all.Suites {
		s := &all.Suites[i]
		for _, c := range s.Cases {
			s.Tests++
			if c.Failure != nil {
				s.Failed++
			}
			if c.Skipped != nil {
				s.Skipped++
			}
		}
		s.Time = junitTime(s.seconds)
		all.Tests, all.Failed, all.Skipped = all.Tests+s.Tests, all.Failed+s.Failed, all.Skipped+s.Skipped
	}
}

func testCase(t report.Test) junitCase {
	c := junitCase{Name: wording.Clean(t.Name)}
	if len(t.Observed) > 0 {
		c.Output = &junitOutput{wording.Clean(strings.Join(t.Observed, "\n"))}
	}
	switch t.Status {
	case report.Pass:
	case report.Flaky:
		c.Properties = properties("status", string(report.Flaky), "attempts", strconv.Itoa(t.Attempts))
	case report.Skip:
		c.Skipped = &junitMessage{Message: wording.OneLine(t.Reason)}
	default:
		c.Failure = &junitMessage{Message: t.Headline(), Text: wording.Clean(strings.Join(failureText(t), "\n"))}
	}
	return c
}

// failureText is all that is known of a failure.
func failureText(t report.Test) []string {
	lines := append([]string{}, t.Failures...)
	for _, f := range [][2]string{
		{"reason", t.Reason}, {"promise", t.Description}, {"observed", strings.Join(t.Observed, "\n")},
		{"cause", t.Diagnosis.Explanation()}, {"fix", t.Diagnosis.Fix}, {"link", t.Diagnosis.Link},
		{"evidence", strings.Join(t.Evidence, " ")}, {"re-run", t.Rerun},
	} {
		if f[1] != "" {
			lines = append(lines, f[0]+": "+f[1])
		}
	}
	return lines
}

// loadCase is skipped when the run's verdict does not depend on it.
func loadCase(doc *report.Report, l report.Load) junitCase {
	c := measurementCase(l.Name, l.Verdict, l.Note())
	if doc.Excuses(l) {
		c.Failure, c.Skipped = nil, c.Failure
	}
	return c
}

func measurementCase(name string, v report.Verdict, note string) junitCase {
	c := junitCase{Name: wording.Clean(name)}
	if v != report.VerdictPass {
		c.Failure = &junitMessage{Message: fmt.Sprintf("%s: %s", v, note)}
	}
	return c
}

func setUpFailure(doc *report.Report) *junitMessage {
	lines := []string{doc.Error.Message}
	if steps := doc.FailedPhase().Steps; len(steps) > 0 {
		lines = append(append(lines, "steps before it:"), steps...)
	}
	return &junitMessage{Message: wording.OneLine(doc.Error.Message), Text: wording.Clean(strings.Join(lines, "\n"))}
}

func properties(pairs ...string) *junitProperties {
	var p junitProperties
	for i := 0; i+1 < len(pairs); i += 2 {
		if value := wording.OneLine(pairs[i+1]); value != "" {
			p.Property = append(p.Property, junitProperty{Name: pairs[i], Value: value})
		}
	}
	return &p
}

func junitTime(seconds float64) string { return strconv.FormatFloat(max(0, seconds), 'f', 3, 64) }
