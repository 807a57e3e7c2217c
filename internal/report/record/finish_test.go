package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
)

func TestWhatMakesTheVerdictError(t *testing.T) {
	for _, tt := range []struct {
		name  string
		do    func(*run)
		phase string
		says  string
	}{
		{"nothing ran", func(*run) {}, report.SuitesPhase, "no check was run"},
		{"all skipped", func(r *run) {
			r.test(report.Test{Suite: "s", Name: "a", Status: report.Skip, Reason: "no cluster"})
		}, report.SuitesPhase, "no check was run: 1 of 1 were skipped"},
		{"fewer than planned", func(r *run) {
			r.Plan(3)
			r.test(pass("s", "a", 1))
		}, report.SuitesPhase, "only 1 of 3 checks ran"},
		{"a test did not end", func(r *run) {
			r.test(pass("s", "a", 1))
			r.StartTest("s", "b")
		}, report.SuitesPhase, "the run ended during s/b"},
		{"a phase did not end", func(r *run) { r.Phase("images") }, "images", "the phase did not end"},
		{"a phase failed", func(r *run) {
			r.phase("cluster", 1, errors.New("no space left"))
			r.test(pass("s", "a", 1))
		}, "cluster", "no space left"},
		{"abort goes before a phase's error, the first before the second", func(r *run) {
			r.phase("cluster", 1, errors.New("exit status 1"))
			r.Abort(errors.New("no space left on /var"), "host")
			r.Abort(errors.New("other"), "other")
		}, "host", "no space left on /var"},
		{"abort without an error", func(r *run) { r.Abort(nil, "cluster") }, "cluster", "stopped without an error"},
		{"error goes before fail", func(r *run) {
			r.test(report.Test{Suite: "s", Name: "a", Status: report.Fail, Failures: []string{"x"}})
			r.Abort(errors.New("interrupted"), report.SuitesPhase)
		}, report.SuitesPhase, "interrupted"},
		{"two outcomes of one test", func(r *run) {
			r.test(pass("s", "a", 1))
			r.test(report.Test{Suite: "s", Name: "a", Status: report.Skip, Reason: "again"})
		}, report.SuitesPhase, "s/a ran twice in one run"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			r := newRun(t, nil)
			tt.do(r)
			r.finish(report.VerdictError)
			g.Expect(*r.report.Error).To(gomega.Equal(report.RunError{Phase: tt.phase, Message: tt.says}))
			g.Expect(r.screen.String()).To(gomega.HaveSuffix("\n\nverdict: error\n"))
			g.Expect(string(r.read(junitName))).To(gomega.ContainSubstring(fmt.Sprintf(`<testcase classname="setup" name="%s"`, tt.phase)))
		})
	}
}

func TestFlushNeverShowsAPartAsAPass(t *testing.T) {
	g := gomega.NewWithT(t)
	r := newRun(t, nil)
	r.Environment(environment)
	r.Plan(2)
	r.test(pass("kernel", "a", 1))
	r.StartTest("kernel", "b")
	g.Expect(r.Flush()).To(gomega.Succeed())
	var part report.Report
	g.Expect(json.Unmarshal(r.read(report.JSONName), &part)).To(gomega.Succeed())
	g.Expect(part.Verdict).To(gomega.Equal(report.VerdictError))
	g.Expect(part.Error.Message).To(gomega.Equal("the run ended during kernel/b"))
	g.Expect(report.Validate(r.read(report.JSONName))).To(gomega.BeEmpty())

	r.EndTest(pass("kernel", "b", 1))
	r.finish(report.VerdictPass)
	again, err := r.Finish()
	g.Expect(again, err).To(gomega.Equal(report.VerdictPass))
	g.Expect(strings.Count(r.screen.String(), "verdict:")).To(gomega.Equal(1))

	r.Phase("late").Done(errors.New("too late"))
	g.Expect(r.Flush()).To(gomega.Succeed())
	g.Expect(r.screen.String()).To(gomega.HaveSuffix("verdict: pass\n"), "nothing follows the verdict")
	g.Expect(string(r.read(report.JSONName))).NotTo(gomega.ContainSubstring("too late"))
	entries, err := filepath.Glob(filepath.Join(r.dir, ".*"))
	g.Expect(entries, err).To(gomega.BeEmpty(), "temporary files")
}

func TestFilesThatCannotBeWrittenMakeAnError(t *testing.T) {
	g := gomega.NewWithT(t)
	r := newRun(t, nil)
	r.Environment(environment)
	r.test(pass("kernel", "a", 1))
	g.Expect(os.Mkdir(filepath.Join(r.dir, report.JSONName), 0o755)).To(gomega.Succeed())
	verdict, err := r.Finish()
	g.Expect(verdict).To(gomega.Equal(report.VerdictError))
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("write " + filepath.Join(r.dir, report.JSONName))))
	g.Expect(string(r.read(junitName))).To(gomega.ContainSubstring("<testsuites"), "the other files are written all the same")
	g.Expect(r.screen.String()).To(gomega.HaveSuffix("verdict: error\n"))
}

type closedConsole struct{}

func (closedConsole) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestAClosedConsoleIsReportedOnceAndKeepsTheVerdict(t *testing.T) {
	g := gomega.NewWithT(t)
	r := newRun(t, func(o *Options) { o.Out = closedConsole{} })
	r.Environment(environment)
	r.test(pass("kernel", "a", 1))
	verdict, err := r.Finish()
	g.Expect(verdict).To(gomega.Equal(report.VerdictPass))
	g.Expect(err).To(gomega.MatchError("write to the console: broken pipe"))
	g.Expect(report.Validate(r.read(report.JSONName))).To(gomega.BeEmpty())
}
