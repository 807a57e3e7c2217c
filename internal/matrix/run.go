package matrix

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"istio-conformance/internal/process/command"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// endTimeout is how long a cell's process may take to remove what it made, after
// it was told to end.
const endTimeout = 4 * time.Minute

// Options are how a matrix is run.
type Options struct {
	// Plan is what is run, Source where its images come from.
	Plan   []Cell
	Source string
	// Dir is where the matrix writes: its own files and a directory a cell.
	Dir string
	// Charts is where the charts come from; empty leaves it to the cells.
	Charts string
	// Jobs is how many cells run at a time.
	Jobs int
	// Fresh begins anew although another run was stopped.
	Fresh bool
	// Baseline is the report.json of another matrix to compare with; empty is none.
	Baseline string
	// Command runs one cell, with the environment of Cell.Environment: the test
	// binary.
	Command []string
	Logf    progress.Logf
}

// runner is a matrix that runs.
type runner struct {
	Options
	mu    sync.Mutex
	state *state
}

// Run runs every cell that is left and returns the report, also when it was
// stopped: then the next Run of the same plan goes on. A cell that fails stops
// nothing. The error says why the matrix itself could not be run.
func Run(ctx context.Context, o Options) (*Report, error) {
	if o.Baseline != "" { // Known before hours have passed.
		if _, err := ReadReport(o.Baseline); err != nil {
			return nil, exitcode.Usagef("--baseline: %w", err)
		}
	}
	s, resumed, err := readState(o.Dir, o.Source, o.Plan, o.Fresh)
	if err != nil {
		return nil, exitcode.Environmentf("%w", err)
	}
	if resumed > 0 {
		o.Logf("going on where the last run was stopped: %d of %d cells are done", resumed, len(o.Plan))
	}
	r := &runner{Options: o, state: s}
	if err := s.write(o.Dir); err != nil {
		return nil, exitcode.Environmentf("%w", err)
	}
	if err := r.all(ctx); err != nil {
		return nil, err
	}
	report := r.report()
	stopped := context.Cause(ctx)
	if stopped == nil {
		if err := s.remove(o.Dir); err != nil {
			return nil, err
		}
	}
	return report, errors.Join(report.finish(o.Dir, o.Baseline), stopped)
}

// all runs the cells that have not ended yet.
func (r *runner) all(ctx context.Context) error {
	group := errgroup.Group{}
	group.SetLimit(max(1, r.Jobs))
	for i := range r.Plan {
		c := &r.Plan[i]
		if !c.Run || r.state.Done[c.ID()] != nil {
			continue
		}
		group.Go(func() error {
			if ctx.Err() != nil {
				return nil //nolint:nilerr // the rest is for the next run; Run says why it was stopped
			}
			return r.cell(ctx, c, i+1)
		})
	}
	return group.Wait()
}

// cell runs one cell and keeps its outcome. One that was stopped has none.
func (r *runner) cell(ctx context.Context, c *Cell, number int) error {
	r.Logf("[%d/%d] %s: running", number, len(r.Plan), c.ID())
	o := planned(c)
	o.Started = time.Now()
	dir := filepath.Join(r.Dir, c.ID())
	code, err := r.process(ctx, c, dir)
	if ctx.Err() != nil {
		r.Logf("[%d/%d] %s: stopped; it will be run again", number, len(r.Plan), c.ID())
		return nil
	}
	o.Seconds = time.Since(o.Started).Seconds()
	found, name, problem := newest(dir)
	if found != nil && found.Started.Before(o.Started.Add(-time.Second)) {
		found, problem = nil, fmt.Errorf("the report in %s is of an earlier run", dir)
	}
	o.take(code, found, errors.Join(err, problem))
	o.Log = filepath.Join(c.ID(), "cell.log")
	if found != nil {
		o.Report = filepath.Join(c.ID(), name, "report.json")
	}
	r.Logf("[%d/%d] %s: %s after %s%s", number, len(r.Plan), c.ID(), o.Shown(), time.Duration(o.Seconds)*time.Second, because(strings.Join(o.why(), "; ")))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state.Done[c.ID()] = &o
	return r.state.write(r.Dir)
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + oneLine(reason)
}

// process runs the cell's process to its end and returns its exit status. It is
// told to end as a user would tell it, and then removes what it made.
func (r *runner) process(ctx context.Context, c *Cell, dir string) (code int, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return -1, err
	}
	log, err := os.Create(filepath.Join(dir, "cell.log"))
	if err != nil {
		return -1, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	process := command.Interruptible(ctx, endTimeout, r.Command...)
	process.Env = append(os.Environ(), c.Environment()...)
	// The matrix's baseline is not a cell's: cells are compared when all are done.
	process.Env = append(process.Env, "OUT="+dir, "IMAGES="+r.Source, "RUN=", "CLUSTER=kind", "BASELINE=")
	if r.Charts != "" {
		process.Env = append(process.Env, "CHARTS="+r.Charts)
	}
	process.Stdout, process.Stderr = log, log
	err = process.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode(), nil
	}
	if err != nil {
		return -1, err
	}
	return 0, nil
}

// report puts the outcomes together, in the plan's order.
func (r *runner) report() *Report {
	report := &Report{Source: r.Source, Started: r.state.Started, Finished: time.Now()}
	for i := range r.Plan {
		c := &r.Plan[i]
		if done := r.state.Done[c.ID()]; done != nil {
			report.Cells = append(report.Cells, *done)
			continue
		}
		report.Cells = append(report.Cells, planned(c))
	}
	return report
}

// Merge puts the reports of cells together that ran elsewhere: below dir each
// cell has a directory of its ID with what its run wrote.
func Merge(plan []Cell, source, dir, baseline string) (*Report, error) {
	report := &Report{Source: source, Started: time.Now(), Finished: time.Now()}
	for i := range plan {
		o := planned(&plan[i])
		if plan[i].Run {
			o.merge(dir)
		}
		if !o.Started.IsZero() && o.Started.Before(report.Started) {
			report.Started = o.Started
		}
		report.Cells = append(report.Cells, o)
	}
	return report, report.finish(dir, baseline)
}

// merge reads what a cell reported; its process's status is not known any more.
func (o *Outcome) merge(dir string) {
	found, name, err := newest(filepath.Join(dir, o.ID()))
	if err != nil {
		o.Status, o.Reason = Error, fmt.Sprintf("its job left no report: %v", err)
		return
	}
	o.take(found.Verdict.ExitStatus(exitcode.Environment), found, nil)
	o.Started = found.Started
	o.Report = filepath.Join(o.ID(), name, "report.json")
}
