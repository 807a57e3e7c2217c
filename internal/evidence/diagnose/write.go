package diagnose

import (
	"fmt"
	"io"
	"strings"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/report"
)

// Schema names the contract of what `diagnose --json` writes.
const Schema = "istio-conformance/diagnosis/v1"

// Report is a Diagnosis as JSON.
type Report struct {
	Schema string `json:"schema"`
	// Verdict is fault, notice, nothing or unknown; unknown says that nothing was
	// found where much could not be looked at, or that no symptom explains Unexplained.
	Verdict  string           `json:"verdict"`
	Symptoms []report.Symptom `json:"symptoms"`
	Looked   []string         `json:"looked"`
	Missing  []string         `json:"missing"`
	// Unexplained are the lines of a tool's output that report an error and that no
	// symptom explains.
	Unexplained []string `json:"unexplained,omitempty"`
}

// The verdicts of a Report.
const (
	VerdictFault   = "fault"
	VerdictNotice  = "notice"
	VerdictNothing = "nothing"
	VerdictUnknown = "unknown"
)

// Report returns the diagnosis for programs.
func (d *Diagnosis) Report() Report {
	r := Report{Schema: Schema, Verdict: d.verdict(), Symptoms: []report.Symptom{}, Looked: append([]string{}, d.Looked...), Missing: append([]string{}, d.Missing...), Unexplained: d.Unexplained}
	for i := range d.Findings {
		symptom := d.Findings[i].report(nil)
		symptom.Related = true // to the cluster, which is what was asked about
		r.Symptoms = append(r.Symptoms, symptom)
	}
	return r
}

func (d *Diagnosis) verdict() string {
	verdict := VerdictNothing
	if len(d.blind()) > 0 || len(d.Unexplained) > 0 {
		verdict = VerdictUnknown
	}
	for i := range d.Findings {
		if d.Findings[i].Symptom.Severity == Fault {
			return VerdictFault
		}
		if verdict == VerdictNothing {
			verdict = VerdictNotice
		}
	}
	return verdict
}

// blind are the sources without which "nothing was found" says nothing: not being
// able to see a cluster is no proof of its health.
func (d *Diagnosis) blind() []string {
	var blind []string
	for _, m := range d.Missing {
		name, _, _ := strings.Cut(m, ": ")
		for _, needed := range []string{"pods.yaml", "services.yaml", "events.txt", "webhookconfigurations.yaml", "namespaces"} {
			if strings.HasSuffix(name, needed) {
				blind = append(blind, name)
			}
		}
	}
	return blind
}

// Err is the diagnosis as an error with its exit status; nil when no fault was found.
func (d *Diagnosis) Err() error {
	switch d.verdict() {
	case VerdictFault:
		n := 0
		for i := range d.Findings {
			if d.Findings[i].Symptom.Severity == Fault && d.Findings[i].Follows == "" {
				n++
			}
		}
		return exitcode.Failf("%d causes were found", n)
	case VerdictUnknown:
		if len(d.Unexplained) > 0 {
			return exitcode.Failf("a tool reported an error that no symptom of the catalogue explains")
		}
		return exitcode.Invalidf("nothing was found, but these could not be looked at: %s", strings.Join(d.blind(), ", "))
	}
	return nil
}

// String is the diagnosis for people; of none it says so.
func (d *Diagnosis) String() string {
	if d == nil {
		return "the cluster was not looked at"
	}
	var b strings.Builder
	if err := d.WriteText(&b); err != nil {
		return err.Error()
	}
	return b.String()
}

// WriteText writes the diagnosis for people.
func (d *Diagnosis) WriteText(out io.Writer) error {
	var b strings.Builder
	for i := range d.Findings {
		d.Findings[i].write(&b, d.competing(i))
	}
	if len(d.Unexplained) > 0 {
		b.WriteString(" ✗ unknown: no symptom of the catalogue explains what the tool reported\n")
		for _, line := range d.Unexplained[:min(len(d.Unexplained), quoteLimit)] {
			fmt.Fprintf(&b, "   evidence: %s\n", shorten(line))
		}
		b.WriteString("\n")
	} else if len(d.Findings) == 0 {
		b.WriteString("unknown: nothing fits a symptom of the catalogue\n")
	}
	fmt.Fprintf(&b, "\nlooked at: %s\n", strings.Join(d.Looked, ", "))
	if len(d.Missing) > 0 {
		fmt.Fprintf(&b, "could not look at:\n")
		for _, m := range d.Missing {
			fmt.Fprintf(&b, "  %s\n", shorten(m))
		}
	}
	_, err := io.WriteString(out, b.String())
	return err
}

// competing says whether another cause explains as well as the finding.
func (d *Diagnosis) competing(i int) bool {
	for j := range d.Findings {
		if j != i && d.Findings[j].Follows == "" && d.Findings[i].Follows == "" && d.Findings[j].Rank == d.Findings[i].Rank {
			return true
		}
	}
	return false
}

func (f *Finding) write(b *strings.Builder, competing bool) {
	mark := " ✗ "
	if f.Symptom.Severity == Notice {
		mark = " ‼ "
	}
	note := ""
	switch {
	case f.Follows != "":
		note = ", follows from " + f.Follows
	case competing:
		note = ", one of several of this rank"
	}
	fmt.Fprintf(b, "%s%s (%s, rank %d%s)\n", mark, f.Instances[0].fill(f.Symptom.Title), f.Symptom.Name, f.Rank, note)
	fmt.Fprintf(b, "      cause: %s\n        fix: %s\n       link: %s\n", f.Cause(), f.Fix(), f.Symptom.Link)
	objects := f.Objects()
	if len(objects) > 1 {
		fmt.Fprintf(b, "         in: %s\n", shorten(strings.Join(objects, ", ")))
	}
	for _, line := range f.Evidence() {
		fmt.Fprintf(b, "   evidence: %s\n", line)
	}
	b.WriteString("\n")
}

// WriteList lists the symptoms of the catalogue.
func (c *Catalogue) WriteList(out io.Writer) error {
	for i := range c.symptoms {
		s := &c.symptoms[i]
		if _, err := fmt.Fprintf(out, "%-34s %-7s %s\n", s.Name, s.Severity, placeholder.ReplaceAllString(s.Title, "…")); err != nil {
			return err
		}
	}
	return nil
}
