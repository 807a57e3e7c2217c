package kernel

import (
	"context"
	"maps"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/machine/kernelprobe"
	"istio-conformance/internal/report"
	"istio-conformance/internal/stack"
)

// outcomes is a recorder that keeps the outcomes by the check's name.
type outcomes map[string]report.Test

func (o outcomes) StartTest(string, string)          {}
func (o outcomes) EvidenceDir(string, string) string { return "" }
func (o outcomes) AddLoad(report.Load)               {}
func (o outcomes) AddUpgrade(report.Upgrade)         {}
func (o outcomes) AddTrend(report.Trend)             {}
func (o outcomes) Logf(string, ...any)               {}
func (o outcomes) EndTest(t report.Test)             { o[t.Name] = t }

// healthy is the report of a node on which all is well.
func healthy(t *testing.T) *kernelprobe.Report {
	t.Helper()
	table, err := kernelprobe.Requirements()
	if err != nil {
		t.Fatal(err)
	}
	r := &kernelprobe.Report{Schema: kernelprobe.Schema}
	for _, requirement := range table {
		r.Requirements = append(r.Requirements, kernelprobe.Finding{
			Name: requirement.Name, Parts: requirement.Parts, IPv6: requirement.IPv6, Status: kernelprobe.OK, Reason: "works",
		})
	}
	for name := range settings {
		r.Settings = append(r.Settings, kernelprobe.Finding{Name: name, Status: kernelprobe.OK, Reason: "well"})
	}
	return r
}

// change sets what is known about a name.
func change(r *kernelprobe.Report, name string, status kernelprobe.Status, reason string) {
	f, _ := r.Finding(name)
	f.Status, f.Reason = status, reason
	if status == kernelprobe.Failed {
		f.Diagnosis = &kernelprobe.Diagnosis{Cause: "cause of " + name, Message: "message", Fix: "fix", Link: "link"}
	}
}

// play runs the whole suite against these reports.
func play(t *testing.T, reports map[string]*kernelprobe.Report) outcomes {
	t.Helper()
	n := &nodes{uses: kernelprobe.DefaultUses(), reports: reports}
	n.once.Do(func() {}) // the nodes were inspected
	results := outcomes{}
	runner := &check.Runner{
		Recorder: results, Context: t.Context(),
		Evidence: func(context.Context, string, check.Failure) []string { return nil },
	}
	suite := suiteOf(n)
	if err := runner.Play(suite); err != nil {
		t.Fatal(err)
	}
	gomega.NewWithT(t).Expect(results).To(gomega.HaveLen(len(suite.Checks)))
	return results
}

func TestTheNamesOfTheOperatorsModulesAreStable(t *testing.T) {
	g := gomega.NewWithT(t)
	names := map[string]bool{}
	for _, c := range Suite(stack.New(stack.Config{}).Stack).Checks {
		names[c.Name] = true
		g.Expect(c.Promise).NotTo(gomega.BeEmpty())
	}
	for _, name := range []string{
		"overlay", "br-netfilter", "nf-nat", "xt-redirect", "xt-owner", "iptable-nat", "iptable-mangle", "iptable-filter", "nat-redirect",
	} {
		g.Expect(names).To(gomega.HaveKey(name))
	}
}

func TestHealthyNodesPass(t *testing.T) {
	g := gomega.NewWithT(t)
	for name, test := range play(t, map[string]*kernelprobe.Report{"one": healthy(t), "two": healthy(t)}) {
		g.Expect(test.Status).To(gomega.Equal(report.Pass), "%s: %s", name, test.Failures)
		g.Expect(test.Assertions).To(gomega.BeNumerically(">", 1), name)
	}
}

func TestOneCauseIsOneFailure(t *testing.T) {
	g := gomega.NewWithT(t)
	two := healthy(t)
	change(two, "nf_nat", kernelprobe.Failed, "no table")
	change(two, "xt_REDIRECT", kernelprobe.Blocked, "needs nf_nat, which is missing")
	change(two, "nft_chain_nat", kernelprobe.Blocked, "needs nf_nat, which is missing")
	change(two, "iptable_nat", kernelprobe.OK, "works")
	results := play(t, map[string]*kernelprobe.Report{"one": healthy(t), "two": two})
	var failed []string
	for name, test := range results {
		if test.Status == report.Fail {
			failed = append(failed, name)
		}
	}
	g.Expect(failed).To(gomega.ConsistOf("nf-nat"))
	g.Expect(results["nf-nat"].Failures).To(gomega.ContainElement(gomega.ContainSubstring("node two: no table")))
	g.Expect(results["nf-nat"].Diagnosis).To(gomega.Equal(report.Diagnosis{Cause: "node two: cause of nf_nat; users see: message", Fix: "fix", Link: "link"}))
	g.Expect(results["xt-redirect"].Status).To(gomega.Equal(report.Skip))
	g.Expect(results["xt-redirect"].Reason).To(gomega.Equal("xt_REDIRECT on two: needs nf_nat, which is missing"))
}

func TestWhatNothingUsesIsNoFailure(t *testing.T) {
	g := gomega.NewWithT(t)
	reports := map[string]*kernelprobe.Report{"one": healthy(t), "two": healthy(t)}
	for r := range maps.Values(reports) {
		change(r, "xt_TPROXY", kernelprobe.Unused, "no such target")
		change(r, "ip6table_nat", kernelprobe.CannotTell, "no IPv6")
		change(r, "ip6table_raw", kernelprobe.CannotTell, "no IPv6")
		change(r, "open-files", kernelprobe.Warn, "few")
	}
	results := play(t, reports)
	g.Expect(results["tproxy"].Status).To(gomega.Equal(report.Skip))
	g.Expect(results["tproxy"].Reason).To(gomega.Equal("nothing in this cluster uses it: xt_TPROXY on one, two: no such target"))
	g.Expect(results["ipv6"].Reason).To(gomega.Equal("nothing in this cluster uses it: ip6table_nat, ip6table_raw on one, two: no IPv6"))
	g.Expect(results["open-files"].Status).To(gomega.Equal(report.Pass))
	g.Expect(results["open-files"].Observed).To(gomega.ContainElement("one: open-files warning: few"))
}

func TestReadRefusesWhatIsNoReport(t *testing.T) {
	for _, c := range []struct{ name, output, says string }{
		{"nothing", "", "unexpected end"}, {"text", "Error response from daemon", "invalid character"}, {"another schema", `{"schema":"x/v9"}`, `schema "x/v9"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := read(c.output, nil)
			gomega.NewWithT(t).Expect(err).To(gomega.MatchError(gomega.ContainSubstring(c.says)))
		})
	}
}
