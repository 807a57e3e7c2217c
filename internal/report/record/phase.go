package record

import (
	"fmt"

	"istio-conformance/internal/process/progress"
	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

// keptSteps bounds what is remembered of a phase for the case that it fails.
const keptSteps = 500

// Headings of the phases before and after the checks.
const (
	setUpTitle   = "set-up"
	cleanUpTitle = "clean-up"
)

// Phase is one timed part of the set-up or the clean-up. Done ends it.
type Phase struct {
	r        *Recorder
	name     string
	activity *activity
	steps    []string
	done     bool
}

// Phase starts a phase.
func (r *Recorder) Phase(name string) *Phase {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.phaseHeading()
	name = wording.OneLine(name)
	return &Phase{r: r, name: name, activity: r.begin(name)}
}

// Logf says what the phase does now, in one line. A terminal shows it until the
// next one; elsewhere it is a line of its own. It fits progress.Logf.
func (p *Phase) Logf(format string, args ...any) {
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	if p.done {
		return
	}
	step := wording.OneLine(fmt.Sprintf(format, args...))
	p.steps = append(p.steps, step)
	if len(p.steps) > keptSteps {
		p.steps = p.steps[1:]
	}
	p.activity.step = step
	p.r.heard = p.r.now()
	if p.r.console.terminal {
		p.r.draw()
		return
	}
	p.r.console.line("   %s: %s", p.name, step)
}

// Gauge shows how far the phase is in place of its last step, a nil gauge no more.
func (p *Phase) Gauge(g progress.Gauge) {
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	if !p.done {
		p.activity.gauge = g
	}
}

// DoneChecked ends the phase like Done, for a phase whose success is itself a
// check: an error is shown but does not make the verdict error, because the
// check will fail with it.
func (p *Phase) DoneChecked(err error) {
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	p.end(err)
}

// Done ends the phase. An error is shown with every step that led to it, and
// makes the run's verdict error. Only the first call counts.
func (p *Phase) Done(err error) {
	p.r.mu.Lock()
	defer p.r.mu.Unlock()
	if p.done {
		return
	}
	if err != nil && p.r.report.Error == nil {
		p.r.report.Error = &report.RunError{Phase: p.name, Message: wording.Clean(err.Error())}
	}
	p.end(err)
}

// end shows and records the end of the phase. The caller holds p.r.mu.
func (p *Phase) end(err error) {
	if p.done {
		return
	}
	p.done = true
	r, c := p.r, p.r.console
	r.end(p.activity)
	timed := report.PhaseTime{Name: p.name, Started: p.activity.started, Seconds: wording.Seconds(r.now().Sub(p.activity.started))}
	mark := wording.MarkPass
	if err != nil {
		mark, timed.Error, timed.Steps = wording.MarkFail, wording.Clean(err.Error()), p.steps
	}
	r.report.Phases = append(r.report.Phases, timed)
	r.phaseHeading()
	c.result(mark, p.name, wording.Duration(timed.Seconds), "")
	if err != nil {
		if c.terminal { // Elsewhere the steps stand there already.
			for _, step := range p.steps {
				c.block(5, step, keptSteps)
			}
		}
		c.field(3, "error", timed.Error)
	}
	r.draw()
}

func (r *Recorder) phaseHeading() {
	title := setUpTitle
	if len(r.report.Tests) > 0 {
		title = cleanUpTitle
	}
	r.console.heading(title)
}
