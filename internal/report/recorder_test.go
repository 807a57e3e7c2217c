package report

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/onsi/gomega"
)

func TestRunDirectory(t *testing.T) {
	g := gomega.NewWithT(t)
	dir := filepath.Join(t.TempDir(), "out")
	first, err := newRecorder(Options{Dir: dir, RunID: "one"})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(first.Flush()).To(gomega.Succeed())
	second, err := newRecorder(Options{Dir: dir, RunID: "two"})
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(second.Dir()).To(gomega.Equal(filepath.Join(dir, "two")))
	g.Expect(os.Readlink(filepath.Join(dir, "latest"))).To(gomega.Equal("two"))

	_, err = newRecorder(Options{Dir: dir, RunID: "one"})
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("already holds the report of a run")))
	for _, id := range []string{"", "latest", "..", "a/b", "a b"} {
		_, err := newRecorder(Options{Dir: dir, RunID: id})
		g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("run id")), "run id %q", id)
	}
	g.Expect(first.EvidenceDir("ingress", "../../x y")).To(gomega.Equal(filepath.Join(dir, "one", "evidence", "ingress", "..-..-x-y")))
	g.Expect(first.EvidenceDir("..", "")).To(gomega.Equal(filepath.Join(dir, "one", "evidence", "unnamed", "unnamed")))
}

func TestEndTestCorrectsWhatTheContractForbids(t *testing.T) {
	for _, tt := range []struct {
		name string
		in   Test
		want Status
		says string
	}{
		{"a pass", Test{Status: Pass, Assertions: 1}, Pass, ""},
		{"a pass without an assertion", Test{Status: Pass}, Fail, "without a single assertion"},
		{"a pass with failures", Test{Status: Pass, Assertions: 1, Failures: []string{"x"}}, Fail, "pass with failures"},
		{"a pass at the second attempt", Test{Status: Pass, Assertions: 1, Attempts: 2}, Flaky, ""},
		{"flaky without attempts", Test{Status: Flaky, Assertions: 1}, Flaky, ""},
		{"flaky without an assertion", Test{Status: Flaky, Attempts: 2}, Fail, "without a single assertion"},
		{"a skip", Test{Status: Skip, Reason: "no IPv6"}, Skip, ""},
		{"a skip without a reason", Test{Status: Skip, Reason: " "}, Fail, "skipped without a reason"},
		{"a failure without a message", Test{Status: Fail}, Fail, "failed without a message"},
		{"an unknown status", Test{Status: "passed", Assertions: 1}, Fail, `unknown status "passed"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			r := newRun(t, nil)
			r.Environment(environment)
			r.test(pass("kernel", "other", 0.1))
			tt.in.Suite, tt.in.Name = "kernel", "it"
			r.test(tt.in)
			r.finish(map[bool]Verdict{true: VerdictFail, false: VerdictPass}[tt.want == Fail])
			got := r.report.Tests[1]
			g.Expect(got.Status).To(gomega.Equal(tt.want))
			g.Expect(strings.Join(got.Failures, "\n")).To(gomega.ContainSubstring(tt.says))
			g.Expect(got.Rerun).To(gomega.Equal("make e2e RUN=kernel/it"))
			g.Expect(got.Attempts).To(gomega.BeNumerically(">=", 1))
		})
	}
}

func TestMeasurementsDecideTheVerdict(t *testing.T) {
	quantile := Quantile{Q: 0.5, BaselineMicros: 800, CandidateMicros: 900, Ratio: 1.125, CILow: 1.05, CIHigh: 1.2, Limit: 1.3}
	endless := quantile
	endless.Ratio = math.Inf(1)
	load := func(v Verdict, q Quantile) func(*run) {
		return func(r *run) {
			r.AddLoad(Load{Name: "gateway-vs-direct", Verdict: v, Rate: 300, Rounds: 10, Requests: 6000, Quantiles: []Quantile{q}})
		}
	}
	upgrade := func(v Verdict) func(*run) {
		return func(r *run) { r.AddUpgrade(Upgrade{From: "1.30.0", To: "1.31.0", Verdict: v, Requests: 10}) }
	}
	for _, tt := range []struct {
		name string
		add  []func(*run)
		want Verdict
	}{
		{"all hold", []func(*run){load(VerdictPass, quantile), upgrade(VerdictPass)}, VerdictPass},
		{"inconclusive", []func(*run){load(VerdictInconclusive, quantile), upgrade(VerdictPass)}, VerdictPass},
		{"a ratio over nothing", []func(*run){load(VerdictPass, endless), upgrade(VerdictPass)}, VerdictPass},
		{"inconclusive and nothing else", []func(*run){load(VerdictInconclusive, quantile)}, VerdictError},
		{"fail goes before invalid", []func(*run){load(VerdictInvalid, quantile), load(VerdictFail, quantile)}, VerdictFail},
		{"upgrade", []func(*run){load(VerdictInvalid, quantile), upgrade(VerdictFail)}, VerdictFail},
		{"an upgrade under invalid load", []func(*run){upgrade(VerdictInvalid), upgrade(VerdictPass)}, VerdictInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRun(t, nil)
			r.Environment(environment)
			for _, add := range tt.add {
				add(r)
			}
			r.finish(tt.want)
			g := gomega.NewWithT(t)
			g.Expect(strings.Contains(string(r.read(junitName)), "<failure")).To(gomega.Equal(tt.want != VerdictPass))
			g.Expect(string(r.read(markdownName))).To(gomega.ContainSubstring("### Measurements"))
		})
	}
}

// A load's numbers are rounded, but not its quantiles, and the caller's are left alone.
func TestLoadIsSettled(t *testing.T) {
	g := gomega.NewWithT(t)
	r := newRun(t, nil)
	given := Load{Name: "x", Verdict: VerdictPass, Quantiles: []Quantile{{Q: 0.9999, Ratio: 1.23456, Pairs: []Pair{{BaselineMicros: []float64{0.12345}}}}},
		Paths: []LoadPath{{Name: "p", Percentiles: []Percentile{{Q: 0.99999, Micros: 1.00049}}}}}
	r.AddLoad(given)
	got := r.report.Load[0]
	g.Expect(got.Quantiles[0].Q).To(gomega.Equal(0.9999))
	g.Expect(got.Quantiles[0].Ratio).To(gomega.Equal(1.235))
	g.Expect(got.Quantiles[0].Pairs[0].BaselineMicros[0]).To(gomega.Equal(0.123))
	g.Expect(got.Paths[0].Percentiles[0]).To(gomega.Equal(Percentile{0.99999, 1}))
	g.Expect(given.Quantiles[0].Ratio).To(gomega.Equal(1.23456))
	given.Paths = []LoadPath{{Name: "p", Seconds: []LoadSecond{{P50Micros: math.NaN()}}}}
	r.AddLoad(given)
	g.Expect(r.report.Load[1].Verdict).To(gomega.Equal(VerdictInvalid))
}

func TestEvidenceStaysBelowTheReport(t *testing.T) {
	g := gomega.NewWithT(t)
	r := newRun(t, nil)
	r.Environment(environment)
	failed := failedTimeout(r.EvidenceDir("ingress", "timeout"))
	failed.Evidence = append(failed.Evidence, "evidence/relative.txt", "/etc/hosts", "../../secret")
	r.test(failed)
	r.finish(VerdictFail)
	g.Expect(r.report.Tests[0].Evidence).To(gomega.Equal([]string{
		"evidence/ingress/timeout/events.yaml", "evidence/ingress/timeout/gateway/config-dump.json", "evidence/relative.txt",
	}))
	g.Expect(r.report.Warnings).To(gomega.HaveLen(2))
	g.Expect(r.report.Warnings[0]).To(gomega.ContainSubstring("/etc/hosts lies outside of out/20261124-021800"))
}

func TestConcurrentUse(t *testing.T) {
	r, err := New(Options{Dir: t.TempDir(), RunID: "run", Terminal: true, Width: 40})
	if err != nil {
		t.Fatal(err)
	}
	const n = 20
	r.Environment(environment)
	r.Plan(n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			p := r.Phase(fmt.Sprintf("phase-%d", i))
			p.Logf("step %d", i)
			p.Done(nil)
			test := pass("kernel", fmt.Sprintf("test-%d", i), 0)
			r.StartTest(test.Suite, test.Name)
			r.EndTest(test)
			if err := r.Flush(); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if verdict, err := r.Finish(); verdict != VerdictPass || err != nil {
		t.Errorf("Finish() = %s, %v", verdict, err)
	}
	if len(r.report.Tests) != n || len(r.report.Phases) != n {
		t.Errorf("%d tests and %d phases are recorded, want %d of each", len(r.report.Tests), len(r.report.Phases), n)
	}
}
