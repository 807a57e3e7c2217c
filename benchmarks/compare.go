package main

import (
	"context"
	"fmt"
	"log"
	"math"
	"os"
	"slices"
	"strings"
)

// compare runs every generator in turn, at the fixed rate and then as fast as it
// can, and prints the medians of the rounds as Markdown.
func compare(ctx context.Context, all []client, rounds int, l load) error {
	fixed, most := make([][]outcome, len(all)), make([][]outcome, len(all))
	limit := l
	limit.Rate = 0
	for round := range rounds {
		log.Printf("round %d of %d, %s", round+1, rounds, pressure())
		for k := range all {
			// Another one begins each round.
			i := (k + round) % len(all)
			if all[i].fixed {
				o, err := all[i].run(ctx, l)
				if err != nil {
					return err
				}
				fixed[i] = append(fixed[i], o)
			}
			o, err := all[i].run(ctx, limit)
			if err != nil {
				return err
			}
			most[i] = append(most[i], o)
		}
	}
	fmt.Printf("\n%.0f requests/s on %d connections for %s, medians of %d rounds, microseconds; %s\n\n", l.Rate, l.Connections, l.Duration, rounds, pressure())
	fmt.Println("| generator | sent/s | service p50 | p90 | p99 | send lag p50 | p90 | p99 | p99.9 | failed | CPU us/request | note |")
	fmt.Println("|---|---|---|---|---|---|---|---|---|---|---|---|")
	for i, c := range all {
		if !c.fixed {
			continue
		}
		f := func(get func(outcome) float64) float64 { return median(fixed[i], get) }
		fmt.Printf("| %s | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %.0f | %s |\n", c.name,
			f(func(o outcome) float64 { return float64(o.Requests) / o.Seconds }),
			f(func(o outcome) float64 { return o.Service.P50 }), f(func(o outcome) float64 { return o.Service.P90 }),
			f(func(o outcome) float64 { return o.Service.P99 }), f(func(o outcome) float64 { return o.Lag.P50 }),
			f(func(o outcome) float64 { return o.Lag.P90 }), f(func(o outcome) float64 { return o.Lag.P99 }),
			f(func(o outcome) float64 { return o.Lag.P999 }), f(func(o outcome) float64 { return float64(o.Failed) }),
			f(func(o outcome) float64 { return o.CPU / float64(o.Requests) * 1e6 }), notes(fixed[i]))
	}
	fmt.Printf("\nAs fast as possible on %d connections\n\n", l.Connections)
	fmt.Println("| generator | requests/s | requests per second of the client's CPU | failed |")
	fmt.Println("|---|---|---|---|")
	for i, c := range all {
		fmt.Printf("| %s | %.0f | %.0f | %.0f |\n", c.name, median(most[i], func(o outcome) float64 { return float64(o.Requests) / o.Seconds }),
			median(most[i], func(o outcome) float64 { return float64(o.Requests) / o.CPU }), median(most[i], func(o outcome) float64 { return float64(o.Failed) }))
	}
	return nil
}

// notes counts the rounds that a generator itself calls no measurement.
func notes(outcomes []outcome) string {
	n := 0
	for _, o := range outcomes {
		if o.Note != "" {
			n++
		}
	}
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %d rounds INVALID by its own rule", n, len(outcomes))
}

func median(outcomes []outcome, get func(outcome) float64) float64 {
	values := make([]float64, len(outcomes))
	for i, o := range outcomes {
		values[i] = get(o)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// of returns the quantiles of values.
func of(values []float64) quantiles {
	if len(values) == 0 {
		return quantiles{}
	}
	sorted := slices.Sorted(slices.Values(values))
	at := func(q float64) float64 { return sorted[min(len(sorted)-1, int(math.Ceil(q*float64(len(sorted)))))] }
	return quantiles{at(0.5), at(0.9), at(0.99), at(0.999)}
}

// pressure says how much others wait for the CPUs (PSI).
func pressure() string {
	data, err := os.ReadFile("/proc/pressure/cpu")
	if err != nil {
		return "CPU pressure unknown"
	}
	line, _, _ := strings.Cut(string(data), "\n")
	return "CPU pressure: " + line
}
