// Package cli is the load generator's command line: `istio-conformance load`,
// and the small program load-generator that runs in nodes and in pods.
package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/traffic/openloop"
	"istio-conformance/internal/traffic/openloop/gate"
	"istio-conformance/internal/traffic/openloop/page"
)

// New returns the command that measures latency under load: of one path, at
// several rates, up to the highest that holds, or of one path against another.
func New() *cobra.Command {
	var f loadFlags
	c := &cobra.Command{
		Use:   "load URL",
		Short: "Measure latency at a fixed rate, and say whether the measurement can be believed",
		Long: `Send requests at a rate that does not depend on the answers, and measure each from
the time at which it should have been sent.

Ends with status 0 when the rate was held without a failed request, 1 when requests
failed, the path did not hold the rate or the candidate is slower, 4 when the measurement
is invalid or decides nothing.`,
		Example: `  istio-conformance load http://127.0.0.1:30080/ --host backend.example --rate 300
  istio-conformance load http://127.0.0.1:30080/ --steps 100,200,400,800 --output out/curve
  istio-conformance load http://127.0.0.1:30080/ --find --max-p99 50ms
  istio-conformance load http://127.0.0.1:30081/ --baseline http://127.0.0.1:30080/ --duration 20s`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exitcode.Usagef("%s: give one URL, such as http://127.0.0.1:30080/", c.CommandPath())
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			config, err := f.config(args[0])
			if err != nil {
				return exitcode.Usagef("%s: %w", c.CommandPath(), err)
			}
			job := &loadJob{config: config, flags: &f, out: c.OutOrStdout(), live: newLive(c.ErrOrStderr())}
			if f.json || f.stripe != "" {
				job.machine, job.out = c.OutOrStdout(), c.ErrOrStderr()
			}
			config.Progress = job.live.second
			switch {
			case f.stripe != "":
				return job.part(c)
			case f.baseline != "":
				return job.compare(c)
			case f.find:
				return job.find(c)
			case len(f.steps) > 0:
				return job.curve(c)
			default:
				return job.run(c)
			}
		},
	}
	f.register(c)
	c.SetFlagErrorFunc(flagError)
	return c
}

// failure gives what openloop.Run or gate.Compare returned its exit status.
func failure(err error) error {
	var remote *openloop.RemoteTargetError
	if errors.As(err, &remote) {
		return exitcode.Usagef("%w; --allow-remote sends it all the same", err)
	}
	return err
}

// run measures one path at one rate.
func (j *loadJob) run(c *cobra.Command) error {
	result, err := openloop.Run(c.Context(), *j.config)
	j.live.end()
	if result != nil {
		fmt.Fprintln(j.out, result)
		err = errors.Join(err, j.save(result, func(dir string) error { return page.WriteRun(dir, result) }))
	}
	switch {
	case err != nil:
		return failure(err)
	case len(result.Invalid) > 0:
		return exitcode.Invalidf("the measurement is invalid: %s", result.Invalid[0])
	case result.Counts.Failed > 0:
		return exitcode.Failf("%d of %d requests failed", result.Counts.Failed, result.Counts.Planned)
	case result.Unheld != "":
		return exitcode.Failf("%s", result.Unheld)
	}
	return nil
}

// curve measures one path at several rates.
func (j *loadJob) curve(c *cobra.Command) error {
	curve := &page.Curve{Schema: page.CurveSchema, Name: j.config.Path.URL}
	invalid, failed := "", ""
	for _, rate := range j.flags.steps {
		config := *j.config
		config.Schedule.Rate = rate
		result, err := openloop.Run(c.Context(), config)
		j.live.end()
		if err != nil {
			return failure(err)
		}
		fmt.Fprintln(j.out, result)
		trial := &openloop.Trial{Rate: rate, Result: result}
		if len(result.Invalid) > 0 {
			trial.Doubt = result.Invalid[0]
			invalid = fmt.Sprintf("at %.6g requests/s: %s", rate, trial.Doubt)
		}
		trial.Broke = result.Unheld
		if result.Counts.Failed > 0 {
			trial.Broke = openloop.DescribeErrors(result.Errors)
			failed = fmt.Sprintf("at %.6g requests/s: %s", rate, trial.Broke)
		}
		curve.Trials = append(curve.Trials, trial)
	}
	curve.Invalid = invalid
	if err := j.save(curve, func(dir string) error { return page.WriteCurve(dir, curve) }); err != nil {
		return err
	}
	switch {
	case invalid != "":
		return exitcode.Invalidf("a measurement is invalid: %s", invalid)
	case failed != "":
		return exitcode.Failf("requests failed %s", failed)
	}
	return nil
}

// find looks for the highest rate that one path holds.
func (j *loadJob) find(c *cobra.Command) error {
	found, err := openloop.Find(c.Context(), openloop.Search{
		Config: *j.config, MaxRate: j.flags.maxRate, MaxP99: j.flags.maxP99,
		Tried: func(t *openloop.Trial) {
			j.live.end()
			fmt.Fprintf(j.out, "%.6g requests/s: %s, p99 %s\n", t.Rate, t.Outcome(), t.Result.Response.Quantile(0.99))
		},
	})
	j.live.end()
	if err != nil {
		return failure(err)
	}
	curve := &page.Curve{Schema: page.CurveSchema, Name: j.config.Path.URL, Trials: found.Trials, Rate: found.Rate, Invalid: found.Invalid}
	if err := j.save(curve, func(dir string) error { return page.WriteCurve(dir, curve) }); err != nil {
		return err
	}
	if found.Invalid != "" {
		return exitcode.Invalidf("the highest rate was not found: %s", found.Invalid)
	}
	fmt.Fprintf(j.out, "%.6g requests/s are held on %d connections\n", found.Rate, j.config.Connections)
	return nil
}

// compare measures the path against another.
func (j *loadJob) compare(c *cobra.Command) error {
	plan, err := j.flags.plan(j.config)
	if err != nil {
		return exitcode.Usagef("%s: %w", c.CommandPath(), err)
	}
	plan.Block.Progress = nil // Hundreds of short blocks: a line for each round says more.
	plan.Logf = func(format string, args ...any) { fmt.Fprintf(j.out, format+"\n", args...) }
	comparison, err := gate.Compare(c.Context(), plan)
	if err != nil {
		return failure(err)
	}
	fmt.Fprintln(j.out, comparison)
	if err := j.save(comparison, func(dir string) error { return page.WriteComparison(dir, comparison) }); err != nil {
		return err
	}
	return comparison.Err()
}

// flagError gives what is wrong with a flag the exit status of bad usage.
func flagError(c *cobra.Command, err error) error {
	return exitcode.Usagef("%s: %w; see %s --help", c.CommandPath(), err, c.CommandPath())
}
