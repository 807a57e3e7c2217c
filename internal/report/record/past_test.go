package record

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
)

// timed plays a run of ten checks of ten seconds each, two minutes of set-up before.
func timed(t *testing.T, file string, watch func(r *run)) {
	t.Helper()
	r := newRun(t, func(o *Options) { o.Timings = file })
	r.Environment(environment)
	var ids []string
	for i := range 10 {
		ids = append(ids, fmt.Sprint("s/c", i))
	}
	r.Expect(ids)
	r.phase("cluster", 120, nil)
	r.Plan(10)
	for i := range 10 {
		r.test(pass("s", fmt.Sprint("c", i), 10))
		if i == 4 && watch != nil {
			watch(r)
		}
	}
	r.phase("clean-up", 5, nil)
	r.finish(report.VerdictPass)
}

func TestTheTimeLeftIsEstimatedFromEarlierRuns(t *testing.T) {
	g := gomega.NewWithT(t)
	file := filepath.Join(t.TempDir(), "new", "timings.json")
	timed(t, file, func(r *run) {
		g.Expect(r.leftNote(r.now())).To(gomega.BeEmpty(), "nothing is known in the first run")
	})
	timed(t, file, func(r *run) {
		g.Expect(r.screen.String()).To(gomega.ContainSubstring("\n about 3m45s, by earlier runs\n"))
		left, known := r.left(r.now())
		g.Expect(known).To(gomega.BeTrue())
		g.Expect(left).To(gomega.BeNumerically("~", 55, 0.5), "five checks and the clean-up")
		r.StartTest("s", "c5")
		r.clock.add(9)
		g.Expect(r.stillWorking(r.now())).To(gomega.Equal("[6/10] s/c5: still working after 9s  about 50s left"))
		r.clock.add(20)
		g.Expect(r.leftNote(r.now())).To(gomega.BeEmpty(), "c5 takes much longer than it used to")
		r.EndTest(pass("s", "c5", 10))
		r.StartTest("s", "new")
		g.Expect(r.leftNote(r.now())).NotTo(gomega.BeEmpty())
		r.clock.add(6)
		g.Expect(r.leftNote(r.now())).To(gomega.BeEmpty(), "how long it takes is not known")
		r.EndTest(pass("s", "new", 6))
		r.report.Tests = r.report.Tests[:5]
	})
}

func TestTimesThatCannotBeReadOnlyCostTheEstimate(t *testing.T) {
	g := gomega.NewWithT(t)
	file := filepath.Join(t.TempDir(), "timings.json")
	g.Expect(os.WriteFile(file, []byte("{"), 0o600)).To(gomega.Succeed())
	timed(t, file, func(r *run) { g.Expect(r.screen.String()).To(gomega.ContainSubstring("nothing is estimated")) })
	timed(t, file, func(r *run) { g.Expect(r.leftNote(r.now())).NotTo(gomega.BeEmpty()) })
}

func TestTheLiveLineNamesWhatRunsTogether(t *testing.T) {
	g := gomega.NewWithT(t)
	r := newRun(t, func(o *Options) { o.Terminal, o.Width = true, 100 })
	r.Plan(9)
	for _, name := range []string{"retries", "timeout", "tls-simple", "mirroring", "fault", "rewrite"} {
		r.StartTest("ingress", name)
		r.clock.add(1)
	}
	line := func() string {
		r.screen.Reset()
		r.draw()
		return r.screen.String()[strings.LastIndex(r.screen.String(), "\r")+1:]
	}
	g.Expect(line()).To(gomega.Equal(" ⠋ [0/9] ingress/rewrite 1s, ingress/fault 2s, ingress/mirroring 3s, ingress/tls-simple 4s, 2 more"))
	r.console.width = 60
	g.Expect(line()).To(gomega.Equal(" ⠋ [0/9] ingress/rewrite 1s, ingress/fault 2s, 4 more"))
	r.console.width = 24
	g.Expect([]rune(line())).To(gomega.HaveLen(23))
	r.options.Columns = func() int { return 30 }
	g.Expect(len([]rune(line()))).To(gomega.BeNumerically("<=", 29), "the window was made narrower")
}
