package openloop

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Cgroup is the control group of a container whose throttling, CPU time and
// memory are watched during a run.
type Cgroup struct {
	// Name is whose it is, such as "gateway".
	Name string
	// stat, cpu and memory are files; with v1 they lie in three hierarchies.
	stat, cpu, memory string
}

// Usage is what a Cgroup used during a run.
type Usage struct {
	Name string `json:"name"`
	// CPUSeconds is the CPU time, MemoryBytes the memory at the end without the
	// file cache that can be dropped.
	CPUSeconds  float64 `json:"cpuSeconds"`
	MemoryBytes float64 `json:"memoryBytes"`
	// Seconds is the time over which CPUSeconds were used.
	Seconds float64 `json:"seconds"`
	// Error is why it could not be read; empty when it could.
	Error string `json:"error,omitempty"`
}

// FindCgroup looks below root, usually /sys/fs/cgroup, for the cgroup of the
// container whose id is given: the directory that carries the id in its name,
// whatever the driver and the version of cgroups.
func FindCgroup(root, name, id string) (*Cgroup, error) {
	g := &Cgroup{Name: name}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.IsDir() {
			return skipGone(err)
		}
		if !strings.Contains(entry.Name(), id) {
			return nil
		}
		g.take(path)
		return fs.SkipDir
	})
	if err != nil {
		return nil, fmt.Errorf("look for the cgroup of %s: %w", name, err)
	}
	if g.stat == "" {
		return nil, fmt.Errorf("no cgroup with a cpu.stat of container %s (%s) below %s", id, name, root)
	}
	return g, nil
}

// skipGone passes over cgroups that end while they are looked for.
func skipGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (g *Cgroup) take(dir string) {
	first := func(target *string, names ...string) {
		for _, name := range names {
			path := filepath.Join(dir, name)
			if _, err := os.Stat(path); err == nil && *target == "" {
				*target = path
			}
		}
	}
	if data, err := os.ReadFile(filepath.Join(dir, "cpu.stat")); err == nil && g.stat == "" {
		if _, err := ParseThrottled(data); err == nil {
			g.stat = filepath.Join(dir, "cpu.stat")
		}
		if bytes.Contains(data, []byte("usage_usec ")) {
			g.cpu = g.stat
		}
	}
	first(&g.cpu, "cpuacct.usage")
	first(&g.memory, "memory.current", "memory.usage_in_bytes")
}

// Throttled is the counter of the times that the container was denied CPU time.
func (g *Cgroup) Throttled() Counter {
	return Counter{Name: g.Name + ": nr_throttled of its cgroup", Read: func(context.Context) (float64, error) {
		data, err := os.ReadFile(g.stat)
		if err != nil {
			return 0, err
		}
		return ParseThrottled(data)
	}}
}

// cpuSeconds returns the CPU time used so far.
func (g *Cgroup) cpuSeconds() (float64, error) {
	if g.cpu == "" {
		return 0, errors.New("its cgroup does not count CPU time")
	}
	data, err := os.ReadFile(g.cpu)
	if err != nil {
		return 0, err
	}
	if filepath.Base(g.cpu) == "cpuacct.usage" {
		nanos, err := strconv.ParseFloat(strings.TrimSpace(string(data)), 64)
		return nanos / 1e9, err
	}
	micros, err := field(data, "usage_usec")
	return micros / 1e6, err
}

// memoryBytes returns what is used, without inactive file cache, as the kubelet
// counts it (its "working set").
func (g *Cgroup) memoryBytes() (float64, error) {
	if g.memory == "" {
		return 0, errors.New("its cgroup does not count memory")
	}
	data, err := os.ReadFile(g.memory)
	if err != nil {
		return 0, err
	}
	used, err := strconv.ParseFloat(strings.TrimSpace(string(data)), 64)
	if err != nil {
		return 0, err
	}
	stat, err := os.ReadFile(filepath.Join(filepath.Dir(g.memory), "memory.stat"))
	if err != nil {
		return 0, err
	}
	inactive, err := field(stat, "total_inactive_file")
	if err != nil {
		inactive, err = field(stat, "inactive_file")
	}
	return max(0, used-inactive), err
}

// field returns the number after a name at the beginning of a line.
func field(data []byte, name string) (float64, error) {
	scanner := bufio.NewScanner(bytes.NewReader(data))
	for scanner.Scan() {
		if value, found := strings.CutPrefix(scanner.Text(), name+" "); found {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("there is no %s", name)
}

// usage reads the CPU time before a run; the function that it returns reads what
// was used until its call.
func usage(groups []*Cgroup) func(seconds float64) []Usage {
	before := make([]float64, len(groups))
	errs := make([]error, len(groups))
	for i, g := range groups {
		before[i], errs[i] = g.cpuSeconds()
	}
	return func(seconds float64) []Usage {
		used := make([]Usage, 0, len(groups))
		for i, g := range groups {
			cpu, err := g.cpuSeconds()
			memory, memoryErr := g.memoryBytes()
			u := Usage{Name: g.Name, CPUSeconds: cpu - before[i], MemoryBytes: memory, Seconds: seconds}
			if err := errors.Join(errs[i], err, memoryErr); err != nil {
				u.Error = err.Error()
			}
			used = append(used, u)
		}
		return used
	}
}
