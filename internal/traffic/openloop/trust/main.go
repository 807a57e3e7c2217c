// Command trust shows whether the load generator and the gate can be believed on
// this machine: it measures stubs whose behaviour is known, and compares things
// that are equal, or that differ by a known amount. Each part prints what it
// found beside what it should find, and how busy the machine was.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	runs    int
	rate    float64
	record  string
	replay  int
	block   time.Duration
	rounds  int
	profile string
	more    float64
	delay   time.Duration
}

// part is one thing to show; it says whether it was seen.
type part struct {
	name  string
	about string
	run   func(context.Context, *options) (bool, error)
}

var parts = []part{
	{"stall", "a server that stalls for 1 s shows in the response time, not in the service time", stall},
	{"constant", "a constant delay is measured within 50 us or 2 %", constant},
	{"starved", "a generator without CPU time says that its measurement is invalid", starved},
	{"same", "comparisons of equal paths give at most 1 false alarm in 100", same},
	{"simulate", "in thousands of comparisons put together from the blocks that -record wrote, the same holds", simulate},
	{"slower", "a delay of 10 % of p50 (see -more) is found in at least 95 of 100 comparisons", slower},
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == stubCommand {
		if err := runStub(os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "stub:", err)
			os.Exit(1)
		}
		return
	}
	var o options
	flag.IntVar(&o.runs, "runs", 30, "comparisons of same and of slower")
	flag.Float64Var(&o.rate, "rate", 300, "requests per second of a comparison")
	flag.StringVar(&o.record, "record", "", "file to which same writes its rounds, as JSON, and from which simulate reads them")
	flag.IntVar(&o.replay, "replay", 5000, "comparisons of simulate")
	flag.DurationVar(&o.block, "block", time.Second, "how long a block of a comparison is")
	flag.IntVar(&o.rounds, "rounds", 12, "rounds of a comparison at its first look; the second comes after twice as many")
	flag.StringVar(&o.profile, "profile", "", "profile of the rules, such as short, for margins and looks instead of the rules' own and of -rounds")
	flag.Float64Var(&o.more, "more", 0.1, "what slower and simulate add to the candidate, as a share of p50")
	flag.DurationVar(&o.delay, "delay", time.Millisecond, "what the stub of a comparison waits before it answers")
	flag.Usage = usage
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if !runParts(ctx, &o, flag.Args()) {
		stop()
		os.Exit(1) //nolint:gocritic // stop was called.
	}
}

func usage() {
	out := flag.CommandLine.Output()
	fmt.Fprintln(out, "usage: trust [flags] [part ...]\n\nparts (default all):")
	for _, p := range parts {
		fmt.Fprintf(out, "  %-10s %s\n", p.name, p.about)
	}
	fmt.Fprintln(out, "\nflags:")
	flag.PrintDefaults()
}

// runParts runs the parts that are named, or all, and says whether each showed
// what it should.
func runParts(ctx context.Context, o *options, names []string) bool {
	for _, name := range names {
		if !slices.ContainsFunc(parts, func(p part) bool { return p.name == name }) {
			fmt.Fprintf(os.Stderr, "trust: unknown part %q\n", name)
			usage()
			return false
		}
	}
	good := true
	for _, p := range parts {
		if len(names) > 0 && !slices.Contains(names, p.name) {
			continue
		}
		fmt.Printf("== %s: %s\n", p.name, p.about)
		started := time.Now()
		shown, err := p.run(ctx, o)
		switch {
		case err != nil:
			fmt.Printf("-- %s could not be measured: %v\n\n", p.name, err)
			good = false
		case shown:
			fmt.Printf("-- %s: shown in %s\n\n", p.name, time.Since(started).Round(time.Second))
		default:
			fmt.Printf("-- %s: %s in %s\n\n", p.name, strings.ToUpper("not shown"), time.Since(started).Round(time.Second))
			good = false
		}
	}
	return good
}
