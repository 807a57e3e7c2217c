// Command benchmarks measures the load generator of this project beside fortio,
// vegeta, wrk and h2load: the same server, the same machine, in turns. It is a
// module of its own, so that the harness depends on none of them.
//
//	go build -o bin/istio-conformance ./cmd/istio-conformance    (in the project)
//	cd benchmarks && go run . -generator ../bin/istio-conformance
//
// wrk and h2load are Debian's packages wrk and nghttp2-client; without them
// their lines are missing.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"time"
)

// load is what every generator is asked for.
type load struct {
	URL         string
	Rate        float64 // requests per second, 0 for as many as possible
	Connections int
	Duration    time.Duration
}

// outcome is what a generator says about itself; latencies are in microseconds.
type outcome struct {
	Requests, Failed int64
	// Seconds is how long it took for them.
	Seconds float64
	// Service is from sending to the answer, Lag from when it should have been sent.
	Service, Lag quantiles
	// CPU is what the client's process used, in seconds.
	CPU float64
	// Note says what is to be known about the numbers.
	Note string
}

type quantiles struct{ P50, P90, P99, P999 float64 }

// client is a generator.
type client struct {
	name string
	// fixed says that it can keep a rate.
	fixed bool
	run   func(context.Context, load) (outcome, error)
}

func main() {
	log.SetFlags(0)
	ctx := context.Background()
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case "serve":
			fatal(serve(ctx))
			return
		case "child":
			fatal(child(os.Args[2:]))
			return
		}
	}
	generator := flag.String("generator", "../bin/istio-conformance", "the project's command")
	rounds := flag.Int("rounds", 3, "how often each generator runs")
	duration := flag.Duration("duration", 5*time.Second, "how long each run is")
	rate := flag.Float64("rate", 1000, "requests per second of the comparison at a fixed rate")
	connections := flag.Int("connections", 8, "connections")
	flag.Parse()
	if _, err := os.Stat(*generator); err != nil {
		fatal(fmt.Errorf("%w: build it with: go build -o bin/istio-conformance ./cmd/istio-conformance", err))
	}
	server, err := startServer(ctx)
	fatal(err)
	err = compare(ctx, clients(*generator), *rounds, load{URL: server.url, Rate: *rate, Connections: *connections, Duration: *duration})
	fatal(errors.Join(err, server.stop()))
}

func fatal(err error) {
	if err != nil {
		log.Fatal("benchmarks: ", err)
	}
}

func clients(generator string) []client {
	all := []client{
		{"istio-conformance", true, func(ctx context.Context, l load) (outcome, error) { return ours(ctx, generator, l) }},
		{"istio-conformance --no-realtime", true, func(ctx context.Context, l load) (outcome, error) { return ours(ctx, generator, l, "--no-realtime") }},
		{"fortio -uniform -nocatchup", true, func(ctx context.Context, l load) (outcome, error) { return inChild(ctx, "fortio", l) }},
		{"vegeta", true, func(ctx context.Context, l load) (outcome, error) { return inChild(ctx, "vegeta", l) }},
	}
	if _, err := exec.LookPath("wrk"); err == nil {
		all = append(all, client{"wrk", false, wrk})
	}
	if _, err := exec.LookPath("h2load"); err == nil {
		all = append(all, client{"h2load --h1", false, h2load})
	}
	return all
}

// inChild runs a library in a process of its own, so that its CPU time is known.
func inChild(ctx context.Context, name string, l load) (outcome, error) {
	spec, err := json.Marshal(l)
	if err != nil {
		return outcome{}, err
	}
	self, err := os.Executable()
	if err != nil {
		return outcome{}, err
	}
	c := exec.CommandContext(ctx, self, "child", name, string(spec))
	c.Stderr = os.Stderr
	data, err := c.Output()
	if err != nil {
		return outcome{}, fmt.Errorf("%s: %w", name, err)
	}
	var o outcome
	if err := json.Unmarshal(data, &o); err != nil {
		return outcome{}, fmt.Errorf("%s: %w", name, err)
	}
	o.CPU = cpu(c)
	return o, nil
}

func cpu(c *exec.Cmd) float64 {
	return (c.ProcessState.UserTime() + c.ProcessState.SystemTime()).Seconds()
}

func child(args []string) error {
	var l load
	if len(args) != 2 {
		return errors.New("child: give a name and a load")
	}
	if err := json.Unmarshal([]byte(args[1]), &l); err != nil {
		return err
	}
	run := map[string]func(load) (outcome, error){"fortio": fortio, "vegeta": vegeta}[args[0]]
	if run == nil {
		return fmt.Errorf("child: unknown %q", args[0])
	}
	o, err := run(l)
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(o)
}
