package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
)

// beyond is a rate that no generator reaches here.
const beyond = 300_000

// ours runs the project's command. At its limit it is asked for more than it can,
// and what it does in the whole seconds of the run counts.
func ours(ctx context.Context, command string, l load, more ...string) (outcome, error) {
	dir, err := os.MkdirTemp("", "benchmarks-")
	if err != nil {
		return outcome{}, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // Harmless: a small directory stays.
	rate := l.Rate
	if rate == 0 {
		rate = beyond
	}
	c := exec.CommandContext(ctx, command, append([]string{"load", l.URL, "--output", dir, "--rate", fmt.Sprint(rate), "--warmup", "0s", "--timeout", "1s",
		"--duration", l.Duration.String(), "--connections", strconv.Itoa(l.Connections)}, more...)...)
	text, err := c.CombinedOutput()
	// An invalid run ends with status 4, and is what is asked for at the limit.
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 4) {
		return outcome{}, fmt.Errorf("%w: %s", err, text)
	}
	return readOurs(filepath.Join(dir, "result.json"), l, cpu(c))
}

// histogram is the part of result.json that is for people.
type histogram struct {
	Micros map[string]float64 `json:"micros"`
}

func (h histogram) quantiles() quantiles {
	return quantiles{h.Micros["p50"], h.Micros["p90"], h.Micros["p99"], h.Micros["p99.9"]}
}

func readOurs(file string, l load, cpu float64) (outcome, error) {
	var r struct {
		Counts    struct{ OK, Failed int64 }
		Service   histogram
		OwnLag    histogram
		Realtime  bool
		Intervals []struct{ OK int64 }
		Invalid   []string
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return outcome{}, err
	}
	if err := json.Unmarshal(data, &r); err != nil {
		return outcome{}, err
	}
	o := outcome{
		Requests: r.Counts.OK, Failed: r.Counts.Failed, Seconds: l.Duration.Seconds(), CPU: cpu,
		Service: r.Service.quantiles(), Lag: r.OwnLag.quantiles(),
	}
	if l.Rate != 0 {
		if len(r.Invalid) > 0 {
			o.Note = "INVALID: " + r.Invalid[0]
		}
		return o, nil
	}
	// What was still answered after the end is in the last second.
	whole := r.Intervals[:len(r.Intervals)-1]
	inTime := int64(0)
	for _, i := range whole {
		inTime += i.OK
	}
	o.Seconds = float64(o.Requests) / (float64(inTime) / float64(len(whole)))
	return o, nil
}
