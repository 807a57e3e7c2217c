package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"istio-conformance/internal/process/progress"
	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

const (
	// keptTimes is how many earlier runs an estimate looks at.
	keptTimes = 5
	// enoughKnown is which share of the checks must have run before, for an estimate.
	enoughKnown = 0.5
	// shortestLeft is the shortest time that is worth saying, in seconds.
	shortestLeft = 3.0
	// overdueAfter is for how long something may run beyond its earlier times, in
	// seconds and as their multiple, before they say nothing of this run any more.
	overdueAfter, overdueTimes = 5.0, 1.5
)

// past is how long things took in earlier runs, by name, in seconds, the newest last.
type past struct {
	Phases map[string][]float64 `json:"phases"`
	Tests  map[string][]float64 `json:"tests"`
	// Before and After are the last run's phases around its checks, in order.
	Before []string `json:"before"`
	After  []string `json:"after"`
	// Together is how many checks ran at once on average.
	Together []float64 `json:"together"`

	path     string
	expected []string // the checks of this run
	checking bool     // a check was started
}

// readPast reads the file of earlier times; one that is not there is empty.
func readPast(path string) (*past, error) {
	p := &past{path: path, Phases: map[string][]float64{}, Tests: map[string][]float64{}}
	if path == "" {
		return p, nil
	}
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	if err == nil {
		err = json.Unmarshal(content, p)
	}
	if err != nil {
		empty := &past{path: path, Phases: map[string][]float64{}, Tests: map[string][]float64{}}
		return empty, fmt.Errorf("the times of earlier runs cannot be read, so that nothing is estimated: %w", err)
	}
	return p, nil
}

// Expect says which checks, as suite/name, the run is going to have, for the
// estimate of the time that is left.
func (r *Recorder) Expect(ids []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.past.expected = slices.Clone(ids)
	if seconds, known := r.left(r.now()); known {
		r.console.line(" about %s, by earlier runs", progress.Roughly(seconds))
	}
}

func (p *past) start() { p.checking = true }

// leftNote is the time that is left as a line's end, "" when it is not known.
func (r *Recorder) leftNote(now time.Time) string {
	seconds, known := r.left(now)
	if !known || seconds < shortestLeft {
		return ""
	}
	return fmt.Sprintf("  about %s left", progress.Roughly(seconds))
}

// left estimates the time until the run's end, in seconds.
func (r *Recorder) left(now time.Time) (seconds float64, known bool) {
	p := r.past
	if len(p.expected) == 0 || len(p.Tests) == 0 {
		return 0, false
	}
	running := map[string]float64{}
	for _, a := range r.running {
		running[a.name()] = now.Sub(a.started).Seconds()
		if p.overdue(a.name(), running[a.name()]) {
			return 0, false
		}
	}
	done := map[string]bool{}
	for _, phase := range r.report.Phases {
		done[phase.Name] = true
	}
	for _, t := range r.report.Tests {
		done[t.ID()] = true
	}
	checks, familiar := 0.0, 0
	for _, id := range p.expected {
		if len(p.Tests[id]) > 0 {
			familiar++
		}
		if !done[id] {
			checks += max(0, median(p.Tests[id])-running[id])
		}
	}
	if float64(familiar) < enoughKnown*float64(len(p.expected)) {
		return 0, false
	}
	seconds = checks / max(1, median(p.Together))
	phases := p.After
	if !p.checking {
		phases = slices.Concat(p.Before, p.After)
	}
	for _, name := range phases {
		if !done[name] {
			seconds += max(0, median(p.Phases[name])-running[name])
		}
	}
	return seconds, true
}

// overdue says whether something has run for so long that its earlier times, if
// there are any, were of something else: other options, or a stuck check.
func (p *past) overdue(name string, seconds float64) bool {
	usual := max(median(p.Tests[name]), median(p.Phases[name]))
	return seconds > overdueAfter+overdueTimes*usual
}

// save adds the times of this run. Only checks that passed count, because a failure often
// takes as long as its time-out, and those that measured, whatever came of it.
func (p *past) save(doc *report.Report) error {
	if p.path == "" {
		return nil
	}
	start, end, sum := time.Time{}, time.Time{}, 0.0
	for _, t := range doc.Tests {
		if t.Status != report.Pass && !t.Unmeasured {
			continue
		}
		p.Tests[t.ID()] = newest(p.Tests[t.ID()], t.Seconds)
		last := t.Started.Add(time.Duration(t.Seconds * float64(time.Second)))
		if start.IsZero() || t.Started.Before(start) {
			start = t.Started
		}
		if last.After(end) {
			end = last
		}
		sum += t.Seconds
	}
	if wall := end.Sub(start).Seconds(); wall > 0 {
		p.Together = newest(p.Together, sum/wall)
	}
	p.Before, p.After = nil, nil
	for _, phase := range doc.Phases {
		p.Phases[phase.Name] = newest(p.Phases[phase.Name], phase.Seconds)
		if !end.IsZero() && !phase.Started.Before(start) {
			p.After = append(p.After, phase.Name)
		} else {
			p.Before = append(p.Before, phase.Name)
		}
	}
	content, err := json.Marshal(p)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(p.path), 0o755)
	}
	if err == nil {
		err = writeFile(p.path, content)
	}
	if err != nil {
		return fmt.Errorf("keep how long the checks took: %w", err)
	}
	return nil
}

func newest(times []float64, seconds float64) []float64 {
	times = append(slices.Clone(times), wording.Round(seconds))
	return times[max(0, len(times)-keptTimes):]
}

// median is 0 of nothing.
func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}
