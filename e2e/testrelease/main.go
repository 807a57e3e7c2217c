// Command testrelease tries the source of releases without the internet. It starts a
// registry and a chart repository on 127.0.0.1, fills them with what the source modules
// builds, tagged as a release is, and runs the harness from there; it makes them fail,
// too. What it starts and makes, it removes.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/interrupt"
)

// step is one thing to show.
type step struct {
	name, about string
	run         func(*site, context.Context) error
	// needs is what must be in the mirror beside the charts.
	needs needs
}

// needs is how much is built for a step.
type needs int

const (
	nothing needs = iota
	theCell
	// bothCells are those of an upgrade. Such a step is only made when it is named.
	bothCells
)

var steps = []step{
	{"plan", "matrix plan --latest finds the newest patch and the pre-release of the chart repository", (*site).plan, nothing},
	{"versions", "versions refresh writes the minor and the node image that are newly published", (*site).versions, nothing},
	{"faults", "what fails or is asked wrongly is one line with its status; what passes is tried again", (*site).faults, nothing},
	{"node-port", "one install with the charts of the registry, and ingress/node-port", (*site).nodePort, theCell},
	{"e2e", "every check, with the charts of the chart repository; RUN= narrows it", (*site).whole, theCell},
	{"newer", "a version and a node image that no table has, from a folder of charts; then an image that was replaced under its tag", (*site).newer, theCell},
	{"archive", "images save, and IMAGES=archive while the registry answers nothing", (*site).archive, theCell},
	{"upgrade", "from -from to -istio and back; builds the older images where they are missing", (*site).upgrade, bothCells},
}

func main() {
	names := flag.String("steps", "", "steps, separated by commas or blanks; default: all but upgrade")
	o := options{}
	flag.StringVar(&o.istio, "istio", "", "Istio's version; default: the newest that modules has")
	flag.StringVar(&o.kubernetes, "kubernetes", "", "Kubernetes' version; default: the one that modules takes")
	flag.StringVar(&o.from, "from", "", "what step upgrade begins with; default: the minor before")
	flag.Usage = usage
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), interrupt.Signals()...)
	err := run(ctx, o, *names)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
	}
	os.Exit(exitcode.Of(err))
}

func usage() {
	out := flag.CommandLine.Output()
	fmt.Fprintln(out, "usage: test-release [flags]\n\nsteps:")
	for _, s := range steps {
		fmt.Fprintf(out, "  %-10s %s\n", s.name, s.about)
	}
	fmt.Fprintln(out, "\nflags:")
	flag.PrintDefaults()
}

// choose returns the steps of the names, in their order.
func choose(names string) ([]step, error) {
	wanted := strings.FieldsFunc(names, func(r rune) bool { return r == ',' || r == ' ' })
	var chosen []step
	for _, s := range steps {
		i := slices.Index(wanted, s.name)
		if i >= 0 {
			wanted = slices.Delete(wanted, i, i+1)
		}
		if i >= 0 || names == "" && s.needs < bothCells {
			chosen = append(chosen, s)
		}
	}
	if len(wanted) > 0 || len(chosen) == 0 {
		var known []string
		for _, s := range steps {
			known = append(known, s.name)
		}
		return nil, exitcode.Usagef("STEPS=%s: want some of %s", names, strings.Join(known, ", "))
	}
	return chosen, nil
}

// run makes the steps. One that fails does not stop the others.
func run(ctx context.Context, o options, names string) (err error) {
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	for _, step := range chosen {
		o.needs = max(o.needs, step.needs)
	}
	s, err := start(ctx, o)
	if s != nil {
		defer func() { err = errors.Join(err, s.close(ctx)) }()
	}
	if err != nil {
		return err
	}
	var failed []string
	for _, step := range chosen {
		started := time.Now()
		say("\n%s: %s", step.name, step.about)
		err := step.run(s, ctx)
		if ctx.Err() != nil {
			return exitcode.Environmentf("interrupted in step %s", step.name)
		}
		if err != nil {
			failed = append(failed, step.name)
			say(" ✗ %s after %s: %v", step.name, since(started), err)
			continue
		}
		say(" ✓ %s in %s", step.name, since(started))
	}
	if len(failed) > 0 {
		return exitcode.Failf("%d of %d steps failed: %s", len(failed), len(chosen), strings.Join(failed, ", "))
	}
	say("\nall of %d steps passed", len(chosen))
	return nil
}

func say(format string, args ...any) { fmt.Printf(format+"\n", args...) }

func since(started time.Time) time.Duration { return time.Since(started).Round(100 * time.Millisecond) }
