package diff

import (
	"fmt"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
)

func check(name string, status report.Status, seconds float64) report.Test {
	t := report.Test{Suite: "s", Name: name, Status: status, Seconds: seconds, Rerun: "make e2e RUN=s/" + name}
	if status == report.Fail {
		t.Failures = []string{name + " broke"}
	}
	return t
}

func doc(tests ...report.Test) *report.Report {
	return &report.Report{Schema: report.Schema, Run: "run", Verdict: report.VerdictPass, Tests: tests}
}

func ids(changes []Change) []string {
	all := []string{}
	for _, c := range changes {
		all = append(all, c.ID)
	}
	return all
}

func TestOutcomes(t *testing.T) {
	pass, fail, skip, flaky := report.Pass, report.Fail, report.Skip, report.Flaky
	before := doc(check("broke", pass, 1), check("still", fail, 1), check("mended", fail, 1), check("wobbles", pass, 1), check("off", pass, 1),
		check("same", pass, 1), check("gone", pass, 1), check("was-off", skip, 0), check("wobbled", flaky, 1))
	after := doc(check("broke", fail, 1), check("still", fail, 1), check("mended", pass, 1), check("wobbles", flaky, 1), check("off", skip, 0),
		check("same", pass, 1), check("new", pass, 1), check("was-off", fail, 1), check("wobbled", flaky, 1), check("new-red", fail, 1))
	g := gomega.NewWithT(t)
	d := Compare(before, after)
	g.Expect(ids(d.NewlyFailing)).To(gomega.Equal([]string{"s/broke", "s/was-off", "s/new-red"}))
	g.Expect(ids(d.StillFailing)).To(gomega.Equal([]string{"s/still"}))
	g.Expect(ids(d.Fixed)).To(gomega.Equal([]string{"s/mended"}))
	g.Expect(ids(d.Flaky)).To(gomega.Equal([]string{"s/wobbles"}))
	g.Expect(ids(d.NoLongerRun)).To(gomega.Equal([]string{"s/off"}))
	g.Expect(ids(d.Added)).To(gomega.Equal([]string{"s/new", "s/new-red"}))
	g.Expect(ids(d.Removed)).To(gomega.Equal([]string{"s/gone"}))
	g.Expect(d.Slower).To(gomega.BeEmpty())
	g.Expect(d.Text()).To(gomega.ContainSubstring(" ✗ s/broke: broke broke\n     make e2e RUN=s/broke\n"))
	g.Expect(d.Summary()).To(gomega.Equal("3 newly failing, 1 still failing, 1 fixed, 1 newly flaky, 1 no longer run, 2 added, 1 removed"))
}

func TestSlowerIsNotNoise(t *testing.T) {
	many := func(seconds float64) []report.Test {
		var all []report.Test
		for i := range 9 {
			all = append(all, check(fmt.Sprint("c", i), report.Pass, seconds))
		}
		return all
	}
	cases := []struct {
		name         string
		pace         float64
		before, then float64
		slower       bool
	}{
		{"twice a short time", 1, 0.5, 3, false},
		{"some seconds of many", 1, 20, 30, false},
		{"a minute instead of ten seconds", 1, 10, 60, true},
		{"the whole machine is three times slower", 3, 10, 30, false},
		{"slower than the slow machine", 3, 10, 90, true},
		{"a faster machine hides nothing", 0.5, 10, 26, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d := Compare(doc(append(many(1), check("it", report.Pass, c.before))...), doc(append(many(c.pace), check("it", report.Pass, c.then))...))
			gomega.NewWithT(t).Expect(len(d.Slower) == 1).To(gomega.Equal(c.slower), "%v", d.Slower)
		})
	}
}

func TestASetUpThatFailsIsNewlyFailingAndRemovesNothing(t *testing.T) {
	g := gomega.NewWithT(t)
	after := doc()
	after.Verdict, after.Error = report.VerdictError, &report.RunError{Phase: "cluster", Message: "no node"}
	d := Compare(doc(check("a", report.Pass, 1)), after)
	g.Expect(ids(d.NewlyFailing)).To(gomega.Equal([]string{"cluster"}))
	g.Expect(d.Removed).To(gomega.BeEmpty())
}

func TestMeasurementsAndEnvironment(t *testing.T) {
	g := gomega.NewWithT(t)
	before, after := doc(), doc()
	before.Environment.Istio, after.Environment.Istio = "1.30.2", "1.31.0"
	before.Load = []report.Load{{Name: "a", Verdict: report.VerdictPass}, {Name: "b", Verdict: report.VerdictPass}}
	after.Load = []report.Load{{Name: "a", Verdict: report.VerdictFail}, {Name: "b", Verdict: report.VerdictInconclusive}}
	after.Upgrade = []report.Upgrade{{From: "1", To: "2|<b>", Verdict: report.VerdictFail}}
	d := Compare(before, after)
	g.Expect(ids(d.NewlyFailing)).To(gomega.Equal([]string{"load/a", "upgrade/1-to-2|<b>"}))
	g.Expect(d.Environment).To(gomega.Equal([]string{"Istio 1.30.2 -> 1.31.0"}))
	g.Expect(d.Markdown()).To(gomega.ContainSubstring(`upgrade/1-to-2\|&lt;b&gt;`))
	content, err := d.JSON()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(content).To(gomega.ContainSubstring(`"slower": []`))
}

// TestWhatIsNoLongerJudged is neither fixed nor left out: it was measured to no end.
func TestWhatIsNoLongerJudged(t *testing.T) {
	g := gomega.NewWithT(t)
	unmeasured := func(name string) report.Test {
		one := check(name, report.Skip, 60)
		one.Unmeasured, one.Reason = true, "the measurement is invalid: steal"
		return one
	}
	before := doc(check("held", report.Pass, 60), check("slow", report.Fail, 60), unmeasured("never"), check("new", report.Skip, 0), check("off", report.Pass, 1))
	before.Load = []report.Load{{Name: "held", Verdict: report.VerdictPass}, {Name: "slow", Verdict: report.VerdictFail}}
	after := doc(unmeasured("held"), unmeasured("slow"), unmeasured("never"), unmeasured("new"), check("off", report.Skip, 0))
	after.Load = []report.Load{{Name: "held", Verdict: report.VerdictInvalid}, {Name: "slow", Verdict: report.VerdictInvalid}}
	after.Unjudged = []report.Unjudged{{Measurement: "load/held", Verdict: report.VerdictInvalid, Reason: "steal"}}
	d := Compare(before, after)
	g.Expect(ids(d.NoLongerJudged)).To(gomega.Equal([]string{"s/held", "s/slow"}))
	g.Expect(ids(d.NoLongerRun)).To(gomega.Equal([]string{"s/off"}))
	g.Expect(d.Fixed).To(gomega.BeEmpty())
	g.Expect(d.NoLongerJudged[1].Outcomes()).To(gomega.Equal("fail → skip"))
	g.Expect(d.Summary()).To(gomega.Equal("2 no longer judged, 1 no longer run"))
	g.Expect(d.Text()).To(gomega.And(gomega.HavePrefix("run (pass) -> run (pass, latency not judged)\n"), gomega.ContainSubstring(" ‼ s/held: the measurement is invalid: steal\n")))
	g.Expect(Against(after)(before).With).To(gomega.Equal("run run (pass, latency not judged)"))
	g.Expect(Compare(after, before).NewlyFailing).To(gomega.ConsistOf(gomega.HaveField("ID", "s/slow"), gomega.HaveField("ID", "load/slow")))
}

func TestAgainstABaseline(t *testing.T) {
	g := gomega.NewWithT(t)
	g.Expect(Against(nil)).To(gomega.BeNil())
	before := doc(check("broke", report.Pass, 1), check("still", report.Fail, 1), check("gone", report.Pass, 1), check("slow", report.Pass, 1))
	before.Run, before.Environment.Digests = "before", map[string]string{"pilot:1.31.0": "pilot@sha256:1"}
	after := doc(check("broke", report.Fail, 1), check("still", report.Fail, 1), check("slow", report.Pass, 30))
	after.Environment.Digests = map[string]string{"pilot:1.31.0": "pilot@sha256:2"}
	c := Against(before)(after)
	g.Expect(c.With).To(gomega.Equal("run before (pass)"))
	g.Expect(c.Groups).To(gomega.Equal([]report.ChangeGroup{
		{Title: "newly failing", Mark: "✗", Changes: []string{"s/broke: broke broke"}}, {Title: "slower", Mark: "‼", Changes: []string{"s/slow: 1.0s -> 30.0s"}},
	}), "what says nothing about the system under test is only counted")
	g.Expect(c.Environment).To(gomega.Equal([]string{"image pilot:1.31.0 is another one under the same name: sha256:1 -> sha256:2"}))
	g.Expect(c.Summary).To(gomega.ContainSubstring("1 still failing"))
	g.Expect(c.Markdown).To(gomega.And(gomega.HavePrefix("### Compared with run before (pass)\n"), gomega.ContainSubstring("\n#### Removed\n")))
}
