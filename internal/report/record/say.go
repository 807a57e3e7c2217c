package record

import (
	"fmt"

	"istio-conformance/internal/report/wording"
)

// Logf says what a running test does now, in one line: a terminal shows it until
// the next one, elsewhere it is a line of its own. It is not part of the report.
// It fits progress.Logf.
func (r *Recorder) Logf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	step := wording.OneLine(fmt.Sprintf(format, args...))
	if n := len(r.running); n > 0 {
		r.running[n-1].step = step
		r.heard = r.now()
	}
	if r.console.terminal {
		r.draw()
		return
	}
	r.console.line("   %s", step)
}
