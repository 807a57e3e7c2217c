package matrix

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/progress"
)

func plan(t *testing.T, r Request) []Cell {
	t.Helper()
	table, err := istio.Load()
	if err != nil {
		t.Fatal(err)
	}
	if r.Source == "" {
		r.Source = istio.SourceModules
	}
	cells, err := Plan(table, r)
	if err != nil {
		t.Fatal(err)
	}
	return cells
}

// six are the cells that can be built from modules and are supported.
func six(t *testing.T) []Cell {
	return plan(t, Request{Istio: []string{"1.30", "1.31"}, Kubernetes: []string{"1.34", "1.35", "1.36"}})
}

func runMatrix(t *testing.T, o Options, plays string) (*Report, error) {
	t.Helper()
	t.Setenv(playVariable, plays)
	o.Source, o.Command, o.Logf = istio.SourceModules, []string{os.Args[0]}, progress.Discard
	return Run(t.Context(), o)
}

func statuses(r *Report) map[string]Status {
	all := map[string]Status{}
	for i := range r.Cells {
		all[r.Cells[i].Istio+"@"+r.Cells[i].Kubernetes] = r.Cells[i].Status
	}
	return all
}

func TestRunGoesOnAfterAFailure(t *testing.T) {
	g := gomega.NewWithT(t)
	dir := t.TempDir()
	r, err := runMatrix(t, Options{Plan: six(t), Dir: dir, Jobs: 2},
		"1.30.0@v1.34.4=fail,1.30.0@v1.35.4=flaky,1.30.0@v1.36.3=lies,1.31.0@v1.34.4=dies")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(statuses(r)).To(gomega.Equal(map[string]Status{
		"1.30.0@v1.34.4": Fail, "1.30.0@v1.35.4": Flaky, "1.30.0@v1.36.3": Error,
		"1.31.0@v1.34.4": Error, "1.31.0@v1.35.4": Pass, "1.31.0@v1.36.3": Pass,
	}))
	g.Expect(r.Verdict).To(gomega.Equal(Fail))
	written, err := ReadReport(filepath.Join(dir, "report.json"))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(written.Cells).To(gomega.HaveLen(6))
	content, err := os.ReadFile(filepath.Join(dir, "report.html"))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(string(content)).To(gomega.ContainSubstring("6 cells: 1 fail, 2 error, 1 flaky, 2 pass."))
	summary, err := os.ReadFile(filepath.Join(dir, "summary.md"))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(string(summary)).To(gomega.ContainSubstring("| **Istio 1.31.0** |"))
	g.Expect(string(summary)).To(gomega.ContainSubstring("ended with status 1, and its report says pass"))
	g.Expect(string(summary)).To(gomega.ContainSubstring("(istio-1.31.0-kubernetes-1.36.3/r/summary.md)"))
	g.Expect(filepath.Join(dir, "state.json")).NotTo(gomega.BeAnExistingFile())
}

// A cell whose latency could not be judged passes, and both it and the matrix say so.
func TestRunAndMergeKeepWhatWasNotJudged(t *testing.T) {
	g := gomega.NewWithT(t)
	dir := t.TempDir()
	cells := six(t)
	r, err := runMatrix(t, Options{Plan: cells, Dir: dir, Jobs: 2}, "1.30.0@v1.34.4=unjudged")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	for _, r := range []*Report{r, merged(t, cells, dir)} {
		g.Expect([]any{r.Verdict, r.Unjudged}).To(gomega.Equal([]any{Pass, []string{"istio-1.30.0-kubernetes-1.34.4"}}))
		g.Expect(r.Cells).To(gomega.ContainElement(gomega.And(gomega.HaveField("Status", Pass), gomega.HaveField("Unjudged", gomega.HaveLen(1)))))
		g.Expect(r.But()).To(gomega.Equal("latency not judged in 1 of 6 cells"))
	}

	r, err = runMatrix(t, Options{Plan: cells, Dir: dir, Jobs: 2}, "1.30.0@v1.34.4=required,1.30.0@v1.35.4=unjudged")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	for _, r := range []*Report{r, merged(t, cells, dir)} {
		g.Expect([]any{r.Verdict, r.Unjudged, r.But()}).To(gomega.Equal([]any{Invalid, []string{"istio-1.30.0-kubernetes-1.35.4"}, ""}))
		g.Expect(r.Cells).To(gomega.ContainElement(gomega.HaveField("Reason", "latency is required and was not judged: load/gateway-vs-direct: steal")))
	}
	content, err := os.ReadFile(filepath.Join(dir, "report.html"))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(string(content)).To(gomega.ContainSubstring("make e2e ISTIO=1.30.0 KUBERNETES=1.34.4 IMAGES=modules REQUIRE=latency<"))
}

func merged(t *testing.T, cells []Cell, dir string) *Report {
	t.Helper()
	r, err := Merge(cells, istio.SourceModules, dir, "")
	gomega.NewWithT(t).Expect(err).NotTo(gomega.HaveOccurred())
	return r
}

// A node image may bring another Kubernetes than the cell's; a report that does not
// say so is of another cell.
func TestRunSaysWhichKubernetesRan(t *testing.T) {
	g := gomega.NewWithT(t)
	dir := t.TempDir()
	cells := plan(t, Request{Istio: []string{"1.30", "1.31"}, Kubernetes: []string{"1.36"}})
	r, err := runMatrix(t, Options{Plan: cells, Dir: dir, Jobs: 1}, "1.30.0@v1.36.3=strays,1.31.0@v1.36.3=brings")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(statuses(r)).To(gomega.Equal(map[string]Status{"1.30.0@v1.36.3": Error, "1.31.0@v1.36.3": Pass}))
	summary, err := os.ReadFile(filepath.Join(dir, "summary.md"))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(string(summary)).To(gomega.ContainSubstring("1/1 on v1.36.1, 7s"))
	g.Expect(string(summary)).To(gomega.ContainSubstring("its report is of Istio 1.30.0 on Kubernetes v1.36.1"))
	page, err := os.ReadFile(filepath.Join(dir, "report.html"))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(string(page)).To(gomega.ContainSubstring("Istio 1.31.0 on Kubernetes v1.36.1 (asked for v1.36.3)"))
}

// A matrix that is stopped keeps what it has, and goes on with the rest.
func TestRunResumes(t *testing.T) {
	g := gomega.NewWithT(t)
	dir := t.TempDir()
	cells := six(t)
	t.Setenv(playVariable, "1.30.0@v1.35.4=fail,1.31.0@v1.34.4=waits")
	ctx, stop := context.WithCancelCause(t.Context())
	stopped := errors.New("stopped by the test")
	waiting := filepath.Join(dir, "istio-1.31.0-kubernetes-1.34.4", "waiting")
	go func() {
		for ctx.Err() == nil {
			if _, err := os.Stat(waiting); err == nil {
				stop(stopped)
			}
		}
	}()
	o := Options{Plan: cells, Dir: dir, Jobs: 1, Source: istio.SourceModules, Command: []string{os.Args[0]}, Logf: progress.Discard}
	r, err := Run(ctx, o)
	g.Expect(err).To(gomega.MatchError(stopped))
	g.Expect(statuses(r)).To(gomega.HaveKeyWithValue("1.30.0@v1.36.3", Pass))
	g.Expect(statuses(r)).To(gomega.HaveKeyWithValue("1.31.0@v1.34.4", Skipped))
	g.Expect(r.Verdict).To(gomega.Equal(Fail))

	before := len(r.Cells)
	// What has ended is not run again: it would pass now.
	r, err = runMatrix(t, Options{Plan: cells, Dir: dir, Jobs: 1}, "none=fail")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(r.Cells).To(gomega.HaveLen(before))
	g.Expect(statuses(r)).To(gomega.HaveKeyWithValue("1.30.0@v1.35.4", Fail))
	g.Expect(statuses(r)).To(gomega.HaveKeyWithValue("1.31.0@v1.34.4", Pass))
	g.Expect(statuses(r)).NotTo(gomega.ContainElement(Skipped))

	r, err = runMatrix(t, Options{Plan: cells, Dir: dir, Jobs: 1}, "none=fail")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(r.Verdict).To(gomega.Equal(Pass), "a matrix that ended begins anew")
}

func TestFreshAndOtherPlansBeginAnew(t *testing.T) {
	g := gomega.NewWithT(t)
	dir := t.TempDir()
	cells := six(t)
	s := &state{Source: istio.SourceModules, Plan: cells, Done: map[string]*Outcome{cells[0].ID(): {Cell: cells[0], Status: Pass}}}
	g.Expect(s.write(dir)).To(gomega.Succeed())
	for _, tt := range []struct {
		plan   []Cell
		source string
		fresh  bool
		want   int
	}{
		{cells, istio.SourceModules, false, 1}, {cells, istio.SourceModules, true, 0}, {cells[1:], istio.SourceModules, false, 0}, {cells, istio.SourceRelease, false, 0},
	} {
		_, resumed, err := readState(dir, tt.source, tt.plan, tt.fresh)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(resumed).To(gomega.Equal(tt.want))
	}
}

func TestIllegalCells(t *testing.T) {
	g := gomega.NewWithT(t)
	wanted := Request{Istio: []string{"1.31"}, Kubernetes: []string{"1.36", "1.37"}}
	r, err := runMatrix(t, Options{Plan: plan(t, wanted), Dir: t.TempDir(), Jobs: 1}, "none=fail")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(statuses(r)).To(gomega.Equal(map[string]Status{"1.31.0@v1.36.3": Pass, "1.31.0@v1.37.2": Illegal}))
	g.Expect(r.Verdict).To(gomega.Equal(Pass))

	wanted.ProveIllegal = true
	r, err = runMatrix(t, Options{Plan: plan(t, wanted), Dir: t.TempDir(), Jobs: 1}, "1.31.0@v1.37.2=refuses")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(r.Cells).To(gomega.ContainElement(gomega.HaveField("Reason", gomega.ContainSubstring("refused as predicted"))))
	g.Expect(r.Verdict).To(gomega.Equal(Pass))

	r, err = runMatrix(t, Options{Plan: plan(t, wanted), Dir: t.TempDir(), Jobs: 1}, "none=fail")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(statuses(r)).To(gomega.HaveKeyWithValue("1.31.0@v1.37.2", Fail))
	g.Expect(r.Cells).To(gomega.ContainElement(gomega.HaveField("Reason", gomega.ContainSubstring("should have been refused"))))
}

func TestMerge(t *testing.T) {
	g := gomega.NewWithT(t)
	dir := t.TempDir()
	cells := six(t)
	_, err := runMatrix(t, Options{Plan: cells[:5], Dir: dir, Jobs: 1}, "1.30.0@v1.35.4=fail")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	r, err := Merge(cells, istio.SourceModules, dir, "")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(r.Cells).To(gomega.HaveLen(6))
	counts := map[Status]int{}
	for i := range r.Cells {
		counts[r.Cells[i].Status]++
	}
	g.Expect(counts).To(gomega.Equal(map[Status]int{Pass: 4, Fail: 1, Error: 1}), "a job that left no report is an error")
}
