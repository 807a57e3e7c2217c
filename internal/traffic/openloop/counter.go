package openloop

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Counter is something that may only rise so much while latencies are measured:
// how often the gateway's cgroup was throttled, for example.
type Counter struct {
	// Name says what it counts and of whom, such as "gateway: nr_throttled".
	Name string
	// PerSecond is how much it may rise per second; 0 means not at all.
	PerSecond float64
	Read      func(context.Context) (float64, error)
}

// CounterReading is what a Counter did during a run.
type CounterReading struct {
	Name   string  `json:"name"`
	Before float64 `json:"before"`
	After  float64 `json:"after"`
	// Allowed is how much it was allowed to rise.
	Allowed float64 `json:"allowed"`
	// Error is why it could not be read; empty when it could.
	Error string `json:"error,omitempty"`
}

// problem returns why the counter makes a run invalid, "" when it does not.
func (c CounterReading) problem() string {
	switch {
	case c.Error != "":
		return fmt.Sprintf("%s could not be read: %s", c.Name, c.Error)
	case c.After-c.Before > c.Allowed:
		return fmt.Sprintf("%s rose by %v, at most %.4g is allowed", c.Name, c.After-c.Before, c.Allowed)
	}
	return ""
}

// count is one reading of a Counter.
type count struct {
	value float64
	err   error
}

func readAll(ctx context.Context, counters []Counter) []count {
	counts := make([]count, len(counters))
	for i, c := range counters {
		counts[i].value, counts[i].err = c.Read(ctx)
	}
	return counts
}

func judgeCounters(counters []Counter, before, after []count, seconds float64) []CounterReading {
	readings := make([]CounterReading, 0, len(counters))
	for i, c := range counters {
		r := CounterReading{Name: c.Name, Before: before[i].value, After: after[i].value, Allowed: c.PerSecond * seconds}
		if err := errors.Join(before[i].err, after[i].err); err != nil {
			r.Error = err.Error()
		}
		readings = append(readings, r)
	}
	return readings
}

// Throttled returns the counter of the times that this process's own cgroup was
// denied CPU time; ok is false where its cgroup has no such counter.
func Throttled() (counter Counter, ok bool) {
	path, err := ownStat("/proc/self/cgroup", "/sys/fs/cgroup")
	if err != nil {
		return Counter{}, false
	}
	return Counter{Name: "generator: nr_throttled of its cgroup", Read: func(context.Context) (float64, error) {
		data, err := os.ReadFile(path)
		if err != nil {
			return 0, err
		}
		return ParseThrottled(data)
	}}, true
}

// ownStat finds the cpu.stat that counts for the process whose /proc/PID/cgroup
// is listed: the cpu controller's hierarchy of cgroup v1, or the one of v2.
func ownStat(listed, root string) (string, error) {
	data, err := os.ReadFile(listed)
	if err != nil {
		return "", err
	}
	var candidates []string
	scanner := bufio.NewScanner(bytes.NewReader(data))
	for scanner.Scan() {
		parts := strings.SplitN(scanner.Text(), ":", 3)
		if len(parts) != 3 {
			continue
		}
		controllers := "," + parts[1] + ","
		switch {
		case strings.Contains(controllers, ",cpu,"):
			candidates = append(candidates, filepath.Join(root, "cpu", parts[2], "cpu.stat"), filepath.Join(root, parts[1], parts[2], "cpu.stat"),
				filepath.Join(root, "cpu", "cpu.stat"))
		case parts[1] == "":
			candidates = append(candidates, filepath.Join(root, parts[2], "cpu.stat"), filepath.Join(root, "cpu.stat"))
		}
	}
	for _, path := range candidates {
		data, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		if _, err := ParseThrottled(data); err == nil {
			return path, nil
		}
	}
	return "", fmt.Errorf("no cpu.stat with nr_throttled among %s", strings.Join(candidates, ", "))
}

// ParseThrottled returns nr_throttled from a cgroup's cpu.stat; v1 and v2 have it.
func ParseThrottled(stat []byte) (float64, error) {
	scanner := bufio.NewScanner(bytes.NewReader(stat))
	for scanner.Scan() {
		if value, found := strings.CutPrefix(scanner.Text(), "nr_throttled "); found {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, errors.New("cpu.stat has no nr_throttled")
}
