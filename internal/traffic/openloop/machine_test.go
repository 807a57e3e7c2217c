package openloop

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestMachine(t *testing.T) {
	now := time.Now()
	before, after := reading{at: now, haveTicks: true, havePressure: true}, reading{at: now.Add(2 * time.Second), haveTicks: true, havePressure: true}
	if err := before.parseStat([]byte("cpu  100 0 50 1000 10 0 5 7 0 0\ncpu0 1 2 3\n")); err != nil {
		t.Fatal(err)
	}
	if err := after.parseStat([]byte("cpu  150 0 60 1120 20 0 5 17 0 0\n")); err != nil {
		t.Fatal(err)
	}
	before.pressure, after.pressure = 1e6, 1.5e6
	m := before.until(after)
	if m.Busy != 0.3 || m.Steal != 0.05 || m.Pressure != 0.25 || m.Seconds != 2 {
		t.Errorf("%+v", m)
	}
	if m := (reading{}).until(after); m.Busy != -1 || m.Steal != -1 || m.Pressure != -1 {
		t.Errorf("what cannot be read is not known: %+v", m)
	}
	for _, bad := range []string{"", "intr 1 2 3", "cpu a b c d e f g h"} {
		if before.parseStat([]byte(bad)) == nil {
			t.Errorf("%q: no error", bad)
		}
	}
	if v, err := parsePressure([]byte("some avg10=0.00 avg60=0.00 avg300=0.00 total=12345\nfull avg10=0.00 total=1\n")); err != nil || v != 12345 {
		t.Errorf("pressure %v, %v", v, err)
	}
}

func TestOwnStat(t *testing.T) {
	root := t.TempDir()
	stat := "nr_periods 5\nnr_throttled 3\nthrottled_time 9\n"
	for _, dir := range []string{"cpu/pod", "slice/unit"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(root, dir, "cpu.stat"), []byte(stat), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for listed, want := range map[string]string{
		"5:memory:/x\n4:cpu,cpuacct:/pod\n0::/\n": "cpu/pod/cpu.stat",
		"0::/slice/unit\n":                        "slice/unit/cpu.stat",
		"3:memory:/x\n":                           "",
	} {
		file := filepath.Join(t.TempDir(), "cgroup")
		if err := os.WriteFile(file, []byte(listed), 0o644); err != nil {
			t.Fatal(err)
		}
		got, err := ownStat(file, root)
		if want == "" && err == nil || want != "" && got != filepath.Join(root, want) {
			t.Errorf("%q: got %q, %v; want %q", listed, got, err, want)
		}
	}
	if n, err := ParseThrottled([]byte(stat)); err != nil || n != 3 {
		t.Errorf("%v, %v", n, err)
	}
}

func TestCounters(t *testing.T) {
	values := []float64{10, 12}
	counters := []Counter{
		{Name: "slow", PerSecond: 1, Read: func(context.Context) (float64, error) { v := values[0]; values = values[1:]; return v, nil }},
		{Name: "broken", Read: func(context.Context) (float64, error) { return 0, errors.New("no pod") }},
	}
	before := readAll(t.Context(), counters)
	got := judgeCounters(counters, before, readAll(t.Context(), counters), 2)
	if got[0] != (CounterReading{Name: "slow", Before: 10, After: 12, Allowed: 2}) || got[0].problem() != "" {
		t.Errorf("%+v: %s", got[0], got[0].problem())
	}
	if got[1].problem() == "" {
		t.Errorf("a counter that cannot be read makes no doubt: %+v", got[1])
	}
}
