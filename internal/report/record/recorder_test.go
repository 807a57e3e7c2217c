package record

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
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
		in   report.Test
		want report.Status
		says string
	}{
		{"a pass", report.Test{Status: report.Pass, Assertions: 1}, report.Pass, ""},
		{"a pass without an assertion", report.Test{Status: report.Pass}, report.Fail, "without a single assertion"},
		{"a pass with failures", report.Test{Status: report.Pass, Assertions: 1, Failures: []string{"x"}}, report.Fail, "pass with failures"},
		{"a pass at the second attempt", report.Test{Status: report.Pass, Assertions: 1, Attempts: 2}, report.Flaky, ""},
		{"flaky without attempts", report.Test{Status: report.Flaky, Assertions: 1}, report.Flaky, ""},
		{"flaky without an assertion", report.Test{Status: report.Flaky, Attempts: 2}, report.Fail, "without a single assertion"},
		{"a skip", report.Test{Status: report.Skip, Reason: "no IPv6"}, report.Skip, ""},
		{"a skip without a reason", report.Test{Status: report.Skip, Reason: " "}, report.Fail, "skipped without a reason"},
		{"a failure without a message", report.Test{Status: report.Fail}, report.Fail, "failed without a message"},
		{"an unknown status", report.Test{Status: "passed", Assertions: 1}, report.Fail, `unknown status "passed"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			r := newRun(t, nil)
			r.Environment(environment)
			r.test(pass("kernel", "other", 0.1))
			tt.in.Suite, tt.in.Name = "kernel", "it"
			r.test(tt.in)
			r.finish(map[bool]report.Verdict{true: report.VerdictFail, false: report.VerdictPass}[tt.want == report.Fail])
			got := r.report.Tests[1]
			g.Expect(got.Status).To(gomega.Equal(tt.want))
			g.Expect(strings.Join(got.Failures, "\n")).To(gomega.ContainSubstring(tt.says))
			g.Expect(got.Rerun).To(gomega.Equal("make e2e RUN=kernel/it"))
			g.Expect(got.Attempts).To(gomega.BeNumerically(">=", 1))
		})
	}
}

func TestMeasurementsDecideTheVerdict(t *testing.T) {
	quantile := report.Quantile{Q: 0.5, BaselineMicros: 800, CandidateMicros: 900, Ratio: 1.125, CILow: 1.05, CIHigh: 1.2, Limit: 1.3}
	endless := quantile
	endless.Ratio = math.Inf(1)
	load := func(v report.Verdict, q report.Quantile) func(*run) {
		return func(r *run) {
			r.AddLoad(report.Load{Name: "gateway-vs-direct", Verdict: v, Rate: 300, Rounds: 10, Requests: 6000, Quantiles: []report.Quantile{q}})
		}
	}
	upgrade := func(v report.Verdict) func(*run) {
		return func(r *run) { r.AddUpgrade(report.Upgrade{From: "1.30.0", To: "1.31.0", Verdict: v, Requests: 10}) }
	}
	for _, tt := range []struct {
		name string
		add  []func(*run)
		want report.Verdict
	}{
		{"all hold", []func(*run){load(report.VerdictPass, quantile), upgrade(report.VerdictPass)}, report.VerdictPass},
		{"inconclusive", []func(*run){load(report.VerdictInconclusive, quantile), upgrade(report.VerdictPass)}, report.VerdictPass},
		{"a ratio over nothing", []func(*run){load(report.VerdictPass, endless), upgrade(report.VerdictPass)}, report.VerdictPass},
		{"inconclusive and nothing else", []func(*run){load(report.VerdictInconclusive, quantile)}, report.VerdictError},
		{"fail goes before invalid", []func(*run){load(report.VerdictInvalid, quantile), load(report.VerdictFail, quantile)}, report.VerdictFail},
		{"upgrade", []func(*run){load(report.VerdictInvalid, quantile), upgrade(report.VerdictFail)}, report.VerdictFail},
		{"an upgrade under invalid load", []func(*run){upgrade(report.VerdictInvalid), upgrade(report.VerdictPass)}, report.VerdictInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRun(t, nil)
			r.Environment(environment)
			for _, add := range tt.add {
				add(r)
			}
			r.finish(tt.want)
			g := gomega.NewWithT(t)
			g.Expect(strings.Contains(string(r.read(junitName)), "<failure")).To(gomega.Equal(tt.want != report.VerdictPass))
			g.Expect(string(r.read(report.MarkdownName))).To(gomega.ContainSubstring("### Measurements"))
		})
	}
}

// A load's numbers are rounded, but not its quantiles, and the caller's are left alone.
func TestLoadIsSettled(t *testing.T) {
	g := gomega.NewWithT(t)
	r := newRun(t, nil)
	given := report.Load{Name: "x", Verdict: report.VerdictPass, Quantiles: []report.Quantile{{Q: 0.9999, Ratio: 1.23456, Pairs: []report.Pair{{BaselineMicros: []float64{0.12345}}}}},
		Paths: []report.LoadPath{{Name: "p", Percentiles: []report.Percentile{{Q: 0.99999, Micros: 1.00049}}}}}
	r.AddLoad(given)
	got := r.report.Load[0]
	g.Expect(got.Quantiles[0].Q).To(gomega.Equal(0.9999))
	g.Expect(got.Quantiles[0].Ratio).To(gomega.Equal(1.235))
	g.Expect(got.Quantiles[0].Pairs[0].BaselineMicros[0]).To(gomega.Equal(0.123))
	g.Expect(got.Paths[0].Percentiles[0]).To(gomega.Equal(report.Percentile{Q: 0.99999, Micros: 1}))
	g.Expect(given.Quantiles[0].Ratio).To(gomega.Equal(1.23456))
	given.Paths = []report.LoadPath{{Name: "p", Seconds: []report.LoadSecond{{P50Micros: math.NaN()}}}}
	r.AddLoad(given)
	g.Expect(r.report.Load[1].Verdict).To(gomega.Equal(report.VerdictInvalid))
}

func TestEvidenceStaysBelowTheReport(t *testing.T) {
	g := gomega.NewWithT(t)
	r := newRun(t, nil)
	r.Environment(environment)
	failed := failedTimeout(r.EvidenceDir("ingress", "timeout"))
	failed.Evidence = append(failed.Evidence, "evidence/relative.txt", "/etc/hosts", "../../secret")
	r.test(failed)
	r.finish(report.VerdictFail)
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
	if verdict, err := r.Finish(); verdict != report.VerdictPass || err != nil {
		t.Errorf("Finish() = %s, %v", verdict, err)
	}
	if len(r.report.Tests) != n || len(r.report.Phases) != n {
		t.Errorf("%d tests and %d phases are recorded, want %d of each", len(r.report.Tests), len(r.report.Phases), n)
	}
}
