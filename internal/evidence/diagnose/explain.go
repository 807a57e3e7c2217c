package diagnose

import (
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"

	"istio-conformance/internal/report"
)

// Diagnosis is what the catalogue makes of a folder of evidence.
type Diagnosis struct {
	// Findings are what was found, ranked; none means unknown.
	Findings []Finding
	// Looked says what was looked at, Missing what could not be.
	Looked, Missing []string
	// Unexplained are the lines of what a tool said that report an error, where no
	// finding explains any of them.
	Unexplained []string
}

// Diagnose looks for the symptoms of the catalogue in a folder of evidence.
func (c *Catalogue) Diagnose(files fs.FS) (*Diagnosis, error) {
	o, err := Observe(files)
	if err != nil {
		return nil, err
	}
	d := &Diagnosis{Findings: c.Find(o), Looked: o.Looked, Missing: o.Missing}
	d.Unexplained = d.unexplained(o)
	return d, nil
}

// errorLine matches what a line of a tool's output has that reports an error.
var errorLine = regexp.MustCompile(`(?i)\b(error|errors|failed|failure|fatal|cannot|unable to|denied|forbidden|refused|timed out|deadline exceeded|invalid|unauthorized|not ready)\b`)

// unexplained returns the error lines that were said, unless a finding has one of
// them: what a tool prints in several lines is mostly one error.
func (d *Diagnosis) unexplained(o *Observations) []string {
	for i := range d.Findings {
		for _, instance := range d.Findings[i].Instances {
			if slices.ContainsFunc(instance.Records, func(r Record) bool { return r.Source == said }) {
				return nil
			}
		}
	}
	var lines []string
	for _, t := range o.texts {
		if t.source != said {
			continue
		}
		for _, line := range t.lines {
			if errorLine.MatchString(line) {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
	}
	return lines
}

// Explain asks the catalogue for the cause of a failure that names certain things.
// A symptom of the mesh may be the cause of any failure, one of an object only of a
// failure that names it; where several may be, the diagnosis names them all. ruledOut are
// those that cannot be, by what the caller knows of the failure.
func Explain(files fs.FS, names func(string) bool, ruledOut func(report.Symptom) bool) (report.Diagnosis, error) {
	catalogue, err := Load()
	if err != nil {
		return report.Diagnosis{}, err
	}
	d, err := catalogue.Diagnose(files)
	if err != nil {
		return report.Diagnosis{}, err
	}
	result := report.Diagnosis{Looked: append([]string{}, d.Looked...)}
	var causes []report.Symptom
	for i := range d.Findings {
		symptom := d.Findings[i].report(names)
		symptom.Related = symptom.Related && !ruledOut(symptom)
		result.Symptoms = append(result.Symptoms, symptom)
		if symptom.Related && symptom.Follows == "" && d.Findings[i].Symptom.Severity == Fault {
			causes = append(causes, symptom)
		}
	}
	if len(causes) == 0 {
		return result, nil
	}
	result.Cause, result.Fix, result.Link = causes[0].Cause, causes[0].Fix, causes[0].Link
	if len(causes) > 1 {
		var others []string
		for _, c := range causes[1:] {
			others = append(others, c.Name)
		}
		result.Cause += " (competing: " + strings.Join(others, ", ") + ")"
	}
	return result, nil
}

// report is the finding in the form of the report.
func (f *Finding) report(names func(string) bool) report.Symptom {
	about := func(i Instance) bool { return names != nil && i.about(names) }
	// Of several places the one that the failure is about gives the finding its words.
	if at := slices.IndexFunc(f.Instances, about); at > 0 {
		f.Instances[0], f.Instances[at] = f.Instances[at], f.Instances[0]
	}
	return report.Symptom{
		Name: f.Symptom.Name, Severity: string(f.Symptom.Severity), Rank: f.Rank, Specificity: f.Specificity, Follows: f.Follows,
		Cause: f.Cause(), Fix: f.Fix(), Link: f.Symptom.Link, Objects: f.Objects(), Evidence: f.Evidence(),
		Related: f.Symptom.Scope == Mesh || about(f.Instances[0]),
	}
}

// Cause says what is wrong, in the words of the first place where it was found.
func (f *Finding) Cause() string {
	text := f.Instances[0].fill(f.Symptom.Cause)
	switch n := len(f.Instances) - 1; {
	case n == instanceLimit-1:
		text += fmt.Sprintf(" (and at least %d more like it)", n)
	case n > 0:
		text += fmt.Sprintf(" (and %d more like it)", n)
	}
	return text
}

// Fix says what to do.
func (f *Finding) Fix() string { return f.Instances[0].fill(f.Symptom.Fix) }

// Objects are the names of all that it was found in.
func (f *Finding) Objects() []string {
	objects := []string{}
	for _, i := range f.Instances {
		for _, object := range i.Objects() {
			if !slices.Contains(objects, object) {
				objects = append(objects, object)
			}
		}
	}
	return objects
}

// Evidence quotes the lines that show it, the first ones.
func (f *Finding) Evidence() []string {
	quotes := []string{}
	for _, i := range f.Instances {
		for _, r := range i.Records {
			if quote := shorten(r.String()); !slices.Contains(quotes, quote) {
				quotes = append(quotes, quote)
			}
		}
		if len(quotes) >= quoteLimit {
			break
		}
	}
	return quotes
}
