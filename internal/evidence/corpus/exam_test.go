package corpus

import (
	"path/filepath"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/evidence/diagnose"
)

func TestTheCorpusCanBeRead(t *testing.T) {
	g := gomega.NewWithT(t)
	reports, err := Load()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	known := map[bool]int{}
	for _, r := range reports {
		known[r.Known]++
	}
	t.Logf("%d reports: %d known, %d unknown", len(reports), known[true], known[false])
	g.Expect(len(reports)).To(gomega.BeNumerically(">=", 58))
}

// TestWhatToolsSaid plays the reports that need no cluster.
func TestWhatToolsSaid(t *testing.T) {
	reports, err := Load()
	gomega.NewWithT(t).Expect(err).NotTo(gomega.HaveOccurred())
	sheet, err := ReadSheet(filepath.Join(t.TempDir(), "none.json"))
	gomega.NewWithT(t).Expect(err).NotTo(gomega.HaveOccurred())
	for _, r := range reports {
		if r.Said == "" {
			continue
		}
		t.Run(r.Name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			d, err := Hear(r.Said)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			result := r.Judge(d)
			result.Report, result.Known, result.Said = r.Name, r.Known, true
			sheet.Add(result)
			want := Right
			if len(r.Right) == 0 {
				want = Causeless // no symptom can name it yet
			}
			g.Expect(result.Score).To(gomega.Equal(want), "%s\n%s", result.Why, d)
		})
	}
	for _, line := range sheet.Lines() {
		t.Log(line)
	}
}

func finding(name string, severity diagnose.Severity, follows string) diagnose.Finding {
	return diagnose.Finding{
		Symptom: diagnose.Symptom{Name: name, Severity: severity, Cause: "it is " + name}, Follows: follows,
		Instances: []diagnose.Instance{{}},
	}
}

func TestJudge(t *testing.T) {
	truth := Truth{Right: []string{"cause"}, Beside: []string{"effect"}, False: []string{"slander"}, Says: []string{"it is"}}
	const fault, notice = diagnose.Fault, diagnose.Notice
	for name, c := range map[string]struct {
		found []diagnose.Finding
		want  Score
	}{
		"nothing":                         {nil, Silent},
		"the cause":                       {[]diagnose.Finding{finding("cause", fault, "")}, Right},
		"the cause and what is beside it": {[]diagnose.Finding{finding("cause", fault, ""), finding("effect", fault, "")}, Right},
		"only what is beside it":          {[]diagnose.Finding{finding("effect", fault, "")}, Causeless},
		"another fault beside the cause":  {[]diagnose.Finding{finding("cause", fault, ""), finding("other", fault, "")}, False},
		"another fault that follows":      {[]diagnose.Finding{finding("cause", fault, ""), finding("other", fault, "cause")}, Right},
		"another notice":                  {[]diagnose.Finding{finding("cause", fault, ""), finding("other", notice, "")}, Right},
		"a notice that is false":          {[]diagnose.Finding{finding("cause", fault, ""), finding("slander", notice, "cause")}, False},
	} {
		got := truth.Judge(&diagnose.Diagnosis{Findings: c.found})
		gomega.NewWithT(t).Expect(got.Score).To(gomega.Equal(c.want), "%s: %+v", name, got)
	}
	silent := truth
	silent.Says = []string{"it was"}
	got := silent.Judge(&diagnose.Diagnosis{Findings: []diagnose.Finding{finding("cause", fault, "")}})
	gomega.NewWithT(t).Expect(got.Score).To(gomega.Equal(Causeless), "a cause that does not name the object")
}

func TestTheSheetComparesAndKeepsWhatWasNotPlayed(t *testing.T) {
	g := gomega.NewWithT(t)
	name := filepath.Join(t.TempDir(), "exam.json")
	first, err := ReadSheet(name)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	first.Add(Result{Report: "a", Score: Silent})
	first.Add(Result{Report: "b", Known: true, Score: Right})
	g.Expect(first.Write(name)).To(gomega.Succeed())
	second, err := ReadSheet(name)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	second.Add(Result{Report: "a", Score: Right})
	g.Expect(second.Lines()).To(gomega.ConsistOf(
		gomega.ContainSubstring("was silent"),
		gomega.HavePrefix("all:     1 reports: 1 right cause"), gomega.HavePrefix("known:   0 reports"), gomega.HavePrefix("unknown: 1 reports: 1 right"),
	))
	g.Expect(second.Write(name)).To(gomega.Succeed())
	third, err := ReadSheet(name)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(third.before).To(gomega.HaveLen(2))
}

func TestAReportThatProvesNothingIsRefused(t *testing.T) {
	const good = "link: https://example.test/1\nsaw: x\ncause: c\nright: [cause]\n"
	for name, c := range map[string]struct{ text, want string }{
		"no truth":        {"link: https://example.test/1\nsaw: x\nsaid: y\n", "cause is empty"},
		"no bite":         {good + "steps: [{apply: x}]\n", "last step must show the bite"},
		"two things":      {good + "steps: [{apply: x, restart: a/b}, {request: {host: h, want: '404'}}]\n", "got 2"},
		"nothing to do":   {good, "either said or steps"},
		"unknown symptom": {good + "said: x\nbeside: [nope]\n", "no symptom"},
		"unknown field":   {good + "said: x\nlikes: 3\n", "likes"},
		"no outcome":      {good + "steps: [{request: {host: h}}]\n", "without want"},
	} {
		_, err := parse([]byte(c.text), map[string]bool{"cause": true})
		gomega.NewWithT(t).Expect(err).To(gomega.MatchError(gomega.ContainSubstring(c.want)), name)
	}
}
