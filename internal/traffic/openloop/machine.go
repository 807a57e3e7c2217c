package openloop

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Machine is what the generator's machine did during a run. A share is between
// 0 and 1, or -1 where the kernel does not tell.
type Machine struct {
	CPUs int `json:"cpus"`
	// Seconds is from before the start to after the end.
	Seconds float64 `json:"seconds"`
	// Busy is the share of the CPUs' time that was used by anything, Steal the
	// share that the hypervisor gave to others (proc(5), /proc/stat).
	Busy  float64 `json:"cpuBusy"`
	Steal float64 `json:"cpuSteal"`
	// Pressure is the share of the time in which something waited for a CPU
	// (PSI, /proc/pressure/cpu).
	Pressure float64 `json:"cpuPressure"`
}

// cpus returns how many CPUs this process may use.
func cpus() int { return runtime.NumCPU() }

// reading is the kernel's counters at one time; negative where they cannot be read.
type reading struct {
	at                      time.Time
	busy, idle, steal       float64 // in ticks
	pressure                float64 // in microseconds
	haveTicks, havePressure bool
}

func readMachine() reading {
	r := reading{at: time.Now()}
	if data, err := os.ReadFile("/proc/stat"); err == nil {
		r.haveTicks = r.parseStat(data) == nil
	}
	if data, err := os.ReadFile("/proc/pressure/cpu"); err == nil {
		if v, err := parsePressure(data); err == nil {
			r.pressure, r.havePressure = v, true
		}
	}
	return r
}

// Watch returns what the machine does in the time d without a run.
func Watch(ctx context.Context, d time.Duration) (Machine, error) {
	before, timer := readMachine(), time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return Machine{}, context.Cause(ctx)
	case <-timer.C:
		return before.until(readMachine()), nil
	}
}

// parseStat reads the first line of /proc/stat: user nice system idle iowait irq
// softirq steal, in ticks.
func (r *reading) parseStat(data []byte) error {
	line, _, _ := bytes.Cut(data, []byte("\n"))
	fields := strings.Fields(string(line))
	if len(fields) < 9 || fields[0] != "cpu" {
		return fmt.Errorf("/proc/stat begins with %q", line)
	}
	for i, field := range fields[1:9] {
		v, err := strconv.ParseFloat(field, 64)
		if err != nil {
			return fmt.Errorf("/proc/stat: %w", err)
		}
		switch i {
		case 3, 4:
			r.idle += v
		case 7:
			r.steal = v
		default:
			r.busy += v
		}
	}
	return nil
}

// parsePressure returns the total of the "some" line, in microseconds.
func parsePressure(data []byte) (float64, error) {
	scanner := bufio.NewScanner(bytes.NewReader(data))
	for scanner.Scan() {
		text, found := strings.CutPrefix(scanner.Text(), "some ")
		_, value, hasTotal := strings.Cut(text, "total=")
		if found && hasTotal {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("/proc/pressure/cpu holds no total: %q", data)
}

// worst returns the higher share of each, for the parts of one measurement.
func (m Machine) worst(other Machine) Machine {
	m.CPUs, m.Seconds = max(m.CPUs, other.CPUs), max(m.Seconds, other.Seconds)
	m.Busy, m.Steal, m.Pressure = max(m.Busy, other.Busy), max(m.Steal, other.Steal), max(m.Pressure, other.Pressure)
	return m
}

// until returns what happened between two readings.
func (r reading) until(after reading) Machine {
	m := Machine{CPUs: cpus(), Seconds: after.at.Sub(r.at).Seconds(), Busy: -1, Steal: -1, Pressure: -1}
	busy, steal, idle := after.busy-r.busy, after.steal-r.steal, after.idle-r.idle
	if all := busy + steal + idle; r.haveTicks && after.haveTicks && all > 0 {
		m.Busy, m.Steal = busy/all, steal/all
	}
	if r.havePressure && after.havePressure && m.Seconds > 0 {
		// The kernel adds it up every two seconds, so it may be late.
		m.Pressure = min(1, (after.pressure-r.pressure)/1e6/m.Seconds)
	}
	return m
}
