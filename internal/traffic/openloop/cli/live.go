package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/term"

	"istio-conformance/internal/traffic/openloop"
)

// loadJob is one use of the load command.
type loadJob struct {
	config *openloop.Config
	flags  *loadFlags
	// out is for people; machine is where JSON goes, nil when it was not asked for.
	out, machine io.Writer
	live         *live
}

// save writes the result as JSON, and with write to a directory, as was asked for.
func (j *loadJob) save(result any, write func(dir string) error) error {
	if j.machine != nil {
		if err := json.NewEncoder(j.machine).Encode(result); err != nil {
			return fmt.Errorf("write the result: %w", err)
		}
	}
	if j.flags.output == "" {
		return nil
	}
	if err := write(j.flags.output); err != nil {
		return err
	}
	_, err := fmt.Fprintf(j.out, "written to %s: report.html, result.json, *.hgrm\n", j.flags.output)
	return err
}

// live shows the last second: on a terminal in one line that changes, elsewhere
// in a line every ten seconds.
type live struct {
	out      io.Writer
	terminal bool
	open     bool // a line without its end
}

const quietSeconds = 10

func newLive(out io.Writer) *live {
	file, ok := out.(*os.File)
	return &live{out: out, terminal: ok && term.IsTerminal(int(file.Fd()))}
}

// second shows one second. What cannot be written to a progress line is not missed.
func (l *live) second(i *openloop.Interval) {
	if !l.terminal && (i.Second+1)%quietSeconds != 0 {
		return
	}
	line := fmt.Sprintf("%4d s  %6d ok  %d failed  p50 %s  p99 %s  max %s", i.Second+1, i.OK, i.Failed(),
		rounded(i.Response.Quantile(0.5)), rounded(i.Response.Quantile(0.99)), rounded(i.Response.Max()))
	if l.terminal {
		fmt.Fprintf(l.out, "\r%s\x1b[K", line)
		l.open = true
		return
	}
	fmt.Fprintln(l.out, line)
}

func rounded(d time.Duration) time.Duration { return d.Round(10 * time.Microsecond) }

// end ends the line that changes.
func (l *live) end() {
	if l.open {
		fmt.Fprint(l.out, "\r\x1b[K")
		l.open = false
	}
}
