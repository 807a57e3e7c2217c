// Package e2e is the one test binary: it builds the environment, runs the
// suites in order and ends with a verdict. Its exit status is the contract of
// package exitcode.
package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/e2e-framework/pkg/env"
	"sigs.k8s.io/e2e-framework/pkg/envconf"

	"istio-conformance/internal/check"
	"istio-conformance/internal/check/waits"
	"istio-conformance/internal/evidence/corpus"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/interrupt"
	"istio-conformance/internal/report/ci"
	"istio-conformance/internal/report/record"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/stack/options"
	"istio-conformance/suites"
	"istio-conformance/suites/diagnosis"
	examsuite "istio-conformance/suites/exam"
	"istio-conformance/suites/load"
	"istio-conformance/suites/mutation"
)

// cleanupTimeout bounds how long it may take to remove what the run made.
const cleanupTimeout = 3 * time.Minute

// firstLine is when the console says what is going on, if nothing was said before.
const firstLine = 700 * time.Millisecond

// errInterrupted is why everything ends after a signal.
var errInterrupted = errors.New("interrupted by a signal")

// The suites' tests read what TestMain built.
var (
	testenv env.Environment
	runner  *check.Runner
	planned []check.Suite
)

func TestMain(m *testing.M) {
	o := options.Register(flag.CommandLine, os.Getenv)
	flag.Parse()
	if list := flag.Lookup("test.list"); list != nil && list.Value.String() != "" {
		os.Exit(m.Run())
	}
	console := os.Stdout
	if !testing.Verbose() {
		quiet()
	}
	code, err := run(m, o, console)
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
	}
	os.Exit(code)
}

// quiet keeps the testing package and the libraries' loggers from repeating on
// the console what the report already says.
func quiet() {
	if devNull, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
		os.Stdout = devNull
	}
	klog.SetLogger(logr.Discard())
	ctrllog.SetLogger(logr.Discard())
}

// run returns the exit status, and an error when there is no report to show it.
func run(m *testing.M, o *options.Options, console *os.File) (int, error) {
	if err := o.Complete(); err != nil {
		return exitcode.Of(err), err
	}
	if err := chooseHelm(o); err != nil {
		return exitcode.Of(err), err
	}
	if o.Upgrade != nil && o.Upgrade.Values[0] == stack.RecommendedValues {
		o.ValuesLayer = stack.RecommendedValues
	}
	s := stack.New(o.Config)
	all, target := suites.All(s.Stack, extent(o)), "e2e"
	switch {
	case load.Mode(o.Load) == load.Full:
		target = "load"
	case o.Soak > 0:
		target = "soak"
	}
	if o.Mutate {
		all, target = []check.Suite{mutation.Suite(s.Stack, all, suites.Mutations(), func() []check.Suite { return planned }), diagnosis.Suite(s.Stack)}, "mutate"
	}
	var sheet *corpus.Sheet
	if o.Exam {
		suite, reports, err := examsuite.Suite(s.Stack)
		if err != nil {
			return exitcode.Usage, err
		}
		all, target, sheet = []check.Suite{suite}, "exam", reports
	}
	if o.Upgrade != nil {
		all, target = []check.Suite{upgradeSuite(s.Stack, o)}, "upgrade"
		if o.Mutate {
			target = "upgrade MUTATE=1"
		}
	}
	up, err := upstreamSuite(s, o)
	if err != nil {
		return exitcode.Of(err), err
	}
	if up != nil {
		all, target = []check.Suite{up.Suite()}, "gateway-api"
	}
	selection, err := check.Select(o.Run, all)
	if err == nil {
		selection, err = selection.Narrow(o.Select, all)
	}
	if err == nil {
		err = o.Waits.Validate(check.IDs(all))
	}
	if err != nil {
		return exitcode.Of(err), err
	}
	baseline, err := readBaseline(o)
	if err != nil {
		return exitcode.Of(err), err
	}
	planned = o.Shard.Plan(selection.Plan(all))
	if planned, err = rest(o, planned, console); err != nil {
		return exitcode.Of(err), err
	}
	switch {
	case o.List:
		err := list(console, o, all, selection)
		return exitcode.Of(err), err
	case o.DryRun:
		err := dryRun(context.Background(), console, o, s, planned)
		return exitcode.Of(err), err
	}
	waiting := time.AfterFunc(firstLine, func() { fmt.Fprintln(console, "istio-conformance: asking what is published") })
	if err = resolve(s, o); err == nil && up != nil {
		err = up.ReadClaims()
	}
	waiting.Stop()
	if err != nil {
		return exitcode.Of(err), err
	}
	recorder, err := record.New(reportOptions(o, baseline, console))
	if err != nil {
		return exitcode.Environment, err
	}
	ctx, stop := interruptible()
	defer stop()
	if !o.Mutate && !o.Exam {
		recorder.Expect(check.IDs(planned))
	}
	status := exitcode.Pass
	if err := build(ctx, s, up, planned, recorder); err != nil {
		status = exitcode.Of(err)
	} else {
		recorder.Plan(check.Count(planned))
		if o.Policy.Retries > 0 {
			recorder.AllowFlakes(o.Policy.Retries, o.FlakeBudget)
		}
		runner = &check.Runner{Recorder: recorder, Target: strings.Join(append([]string{target}, o.Again()...), " "), Context: ctx, Evidence: s.Evidence, Symptoms: s.Symptoms, Parallel: o.Parallel, Policy: o.Policy, Waits: o.Waits}
		testenv = env.NewWithConfig(envconf.NewWithKubeConfig(s.Cluster.Kubeconfig))
		testenv.Run(m)
		sheet.Say(console)
	}
	if ctx.Err() != nil {
		recorder.Abort(context.Cause(ctx), "suites")
		status = exitcode.Environment
	}
	cleanup, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Waits.Or(waits.CleanUp, cleanupTimeout))
	defer cancel()
	if err := s.Close(cleanup, recorder); err != nil {
		status = exitcode.Of(err)
	}
	verdict, err := recorder.Finish()
	// To standard error: the verdict stays the last line of standard output.
	err = errors.Join(err, ci.GitHub(os.Stderr, recorder.Dir(), os.Getenv), ci.Sonobuoy(recorder.Dir(), os.Getenv))
	if err != nil {
		return exitcode.Environment, err
	}
	return verdict.ExitStatus(status), nil
}

// interruptible returns a context that ends at the first SIGINT, SIGTERM or SIGHUP; the
// second one ends the process as usual, for who cannot wait for the cleanup.
func interruptible() (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, interrupt.Signals()...)
	go func() {
		if _, open := <-signals; open {
			cancel(errInterrupted)
			signal.Stop(signals)
			fmt.Fprintln(os.Stderr, "\ninterrupted: removing what this run made; once more ends at once and leaves it behind")
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		close(signals)
		cancel(nil)
	}
}
