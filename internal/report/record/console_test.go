package record

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/onsi/gomega"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

func TestItIsNeverSilentForTenSeconds(t *testing.T) {
	g := gomega.NewWithT(t)
	r := newRun(t, nil)
	p := r.Phase("images")
	p.Logf("building envoy")
	said := func() []string {
		defer r.screen.Reset()
		return strings.Split(strings.TrimSpace(r.screen.String()), "\n")
	}
	g.Expect(said()).To(gomega.ContainElement("   images: building envoy"))
	var at []int
	for second := 1; second <= 200; second++ {
		r.clock.add(1)
		r.tick()
		if lines := said(); lines[0] != "" {
			at = append(at, second)
			g.Expect(lines).To(gomega.Equal([]string{fmt.Sprintf("images: still working after %s (building envoy)", wording.Elapsed(r.clock.now.Sub(p.activity.started)))}))
		}
	}
	g.Expect(at).To(gomega.Equal([]int{60, 120, 180}))
	p.Logf("building pilot")
	r.clock.add(60)
	r.tick()
	g.Expect(said()).To(gomega.Equal([]string{"images: building pilot", "   images: still working after 4m20s (building pilot)"}))
	p.Gauge(func(width int) string { return fmt.Sprintf("half of it in %d columns", width) })
	r.clock.add(60)
	r.tick()
	g.Expect(said()).To(gomega.Equal([]string{"images: still working after 5m20s  half of it in 0 columns"}))
	p.Gauge(nil)
	r.StartTest("s", "a")
	r.StartTest("s", "b")
	said()
	r.clock.add(60)
	r.tick()
	g.Expect(said()).To(gomega.Equal([]string{"still working: s/b 1m00s, s/a 1m00s, images 6m20s"}))
}

func TestNoControlCharactersOutsideOfATerminal(t *testing.T) {
	for _, scenario := range []func(*testing.T, func(*Options)) *run{greenRun, redRun, abortedRun} {
		screen := scenario(t, nil).screen.String()
		if i := strings.IndexAny(screen, "\x1b\r\x00"); i >= 0 {
			t.Errorf("control character at %d: %q", i, screen[max(0, i-40):i+1])
		}
	}
}

// Who sets NO_COLOR gets no control sequence on a terminal either.
func TestNoControlSequencesWithoutColours(t *testing.T) {
	g := gomega.NewWithT(t)
	r := newRun(t, func(o *Options) { o.Terminal, o.Width = true, 60 })
	r.phase("images", 9, nil, "a long step that takes its time", "short")
	r.test(pass("kernel", "overlay", 1))
	screen := r.screen.String()
	g.Expect(screen).NotTo(gomega.ContainSubstring("\x1b"))
	g.Expect(shownOn(screen, 60)).To(gomega.ContainElements(gomega.MatchRegexp(`^ ✓ images +9\.0s$`), gomega.MatchRegexp(`^ ✓ kernel/overlay +1\.0s$`)), "nothing is left of the live line")
}

// shownOn is what stands on a terminal after the output, without control sequences.
func shownOn(output string, width int) []string {
	var lines []string
	for line := range strings.SplitSeq(output, "\n") {
		cells, at := []rune(strings.Repeat(" ", width)), 0
		for _, c := range line {
			if c == '\r' {
				at = 0
				continue
			}
			cells[at] = c
			at++
		}
		lines = append(lines, strings.TrimRight(string(cells), " "))
	}
	return lines
}

func TestCommandsStayWholeOnANarrowTerminal(t *testing.T) {
	g := gomega.NewWithT(t)
	r := newRun(t, func(o *Options) { o.Terminal, o.Width = true, 60 })
	r.test(report.Test{Suite: "uninstall", Name: "leftovers-on-nodes", Status: report.Fail, Failures: []string{"no"}, Rerun: "make e2e KEEP=1 RUN=uninstall/leftovers-on-nodes"})
	g.Expect(r.screen.String()).To(gomega.ContainSubstring("     re-run:\n     make e2e KEEP=1 RUN=uninstall/leftovers-on-nodes\n"))
}

func TestLinesFitANarrowTerminal(t *testing.T) {
	for _, width := range []int{40, 60, 80, 120} {
		r := redRun(t, func(o *Options) { o.Terminal, o.Width = true, width })
		for _, line := range strings.FieldsFunc(r.screen.String(), func(c rune) bool { return c == '\n' || c == '\r' }) {
			line = strings.TrimPrefix(line, "\x1b[K")
			words := strings.Fields(line)
			whole := len(words) > 0 && (strings.Contains(words[len(words)-1], "/") || strings.HasPrefix(strings.TrimSpace(line), "make "))
			if utf8.RuneCountInString(line) > width && !whole {
				t.Errorf("width %d: a line of %d: %q", width, utf8.RuneCountInString(line), line)
			}
		}
	}
}

func TestTerminalShowsStepsOnlyOfAFailedPhase(t *testing.T) {
	g := gomega.NewWithT(t)
	r := newRun(t, func(o *Options) { o.Terminal = true })
	r.phase("images", 3, nil, "quiet step")
	r.phase("cluster", 3, errors.New("no"), "loud step")
	printed := string(regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]").ReplaceAll(r.screen.Bytes(), nil))
	g.Expect(printed).NotTo(gomega.ContainSubstring("\n     quiet step\n"))
	g.Expect(printed).To(gomega.ContainSubstring("\n     loud step\n"))
}

func TestAnInterruptedPhaseIsShownAsCutOff(t *testing.T) {
	g := gomega.NewWithT(t)
	r := newRun(t, nil)
	r.Phase("images").Logf("building envoy")
	r.clock.add(5)
	r.Abort(errors.New("interrupted"), "images")
	r.finish(report.VerdictError)
	g.Expect(r.screen.String()).To(gomega.MatchRegexp(`(?m)^ ✗ images +5\.0s  did not end$`))
	g.Expect(r.report.Phases).To(gomega.Equal([]report.PhaseTime{{Name: "images", Started: newClock().now, Seconds: 5, Error: "did not end"}}))
}

func TestSummaryStaysOnOneScreen(t *testing.T) {
	g := gomega.NewWithT(t)
	r := newRun(t, nil)
	r.Environment(environment)
	for i := range 60 {
		r.Warn("warning %d", i)
		r.test(report.Test{Suite: "s", Name: fmt.Sprintf("fails-%d", i), Status: report.Fail, Failures: []string{strings.Repeat("line\n", 300)}})
		r.test(report.Test{Suite: "s", Name: fmt.Sprintf("skips-%d", i), Status: report.Skip, Reason: fmt.Sprintf("reason %d", i)})
	}
	r.finish(report.VerdictFail)
	_, summary, _ := strings.Cut(r.screen.String(), "\nsummary\n")
	g.Expect(strings.Count(summary, "\n")).To(gomega.BeNumerically("<=", 48))
	for _, want := range []string{"and 50 more in summary.md", "and 55 reasons more", "and 55 warnings more", "120 checks: 0 passed, 60 failed, 60 skipped"} {
		g.Expect(summary).To(gomega.ContainSubstring(want))
	}
	g.Expect(r.screen.String()).To(gomega.ContainSubstring("(280 lines more in report.json)"))
}

func TestTerminalOfAPipe(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(read.Close(), write.Close()); err != nil {
			t.Error(err)
		}
	})
	if terminal, width := Terminal(write, "xterm"); terminal || width != 0 {
		t.Errorf("Terminal(pipe) = %v, %d", terminal, width)
	}
}
