package catalogue

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
)

// ran is a report of a day with tests of the suite install.
func ran(profile, day string, tests ...report.Test) *report.Report {
	finished, err := time.Parse(time.DateOnly, day)
	if err != nil {
		panic(err)
	}
	return &report.Report{Finished: finished, Environment: report.Environment{Profile: profile}, Tests: tests}
}

func TestRuns(t *testing.T) {
	g := gomega.NewWithT(t)
	runs := Runs{}
	pass := report.Test{Suite: "install", Name: "crds", Status: report.Pass}
	fail := report.Test{Suite: "ingress", Name: "retries", Status: report.Fail}
	foreign := report.Test{Suite: "mutation", Name: "crd-gone", Status: report.Pass}
	broken := report.Test{Suite: "mutation", Name: "retries-cut", Status: report.Pass}
	taken, err := runs.Add(some, ran("ambient", "2026-11-30", pass, fail, foreign, broken))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(taken).To(gomega.Equal(2))
	g.Expect(runs).To(gomega.Equal(Runs{"ambient": {"install/crds": "2026-11-30"}, "mutation": {"retries-cut": "2026-11-30"}}))

	taken, err = runs.Add(some, ran("ambient", "2026-11-29", pass))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(taken).To(gomega.BeZero(), "an earlier run")
	_, err = runs.Add(some, ran("ambient", "2026-12-01", pass))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(runs.last("ambient", "install/crds")).To(gomega.Equal("2026-12-01"))
	g.Expect(runs.last("cni", "install/crds")).To(gomega.Equal("never run"))

	_, err = runs.Add(some, ran("", "2026-12-01", pass))
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("which profile")))

	path := filepath.Join(t.TempDir(), "runs.json")
	none, err := ReadRuns(path)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(none).To(gomega.BeEmpty())
	g.Expect(runs.Write(path)).To(gomega.Succeed())
	read, err := ReadRuns(path)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(read).To(gomega.Equal(runs))
}
