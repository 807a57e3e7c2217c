package soak

import (
	"bufio"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"istio-conformance/suites/kit"
)

// sampleEvery is how often processes are looked at: often enough for blocks of several
// samples in the shortest time.
const sampleEvery = 5 * time.Second

// lookAtProcesses prints, for each process of Istio's on a node: its name, its pod, its start
// in ticks since the boot, its own memory in KiB, and how many files it has open. The pod's
// name is in the environment that Istio's charts and injector give it. A process that ends
// meanwhile is passed over.
const lookAtProcesses = `for p in $(pgrep -x 'envoy|pilot-agent|pilot-discovery'); do
  pod=$(tr '\0' '\n' 2>/dev/null </proc/$p/environ | sed -n 's/^POD_NAME=//p')
  start=$(sed 's/.*) //' /proc/$p/stat 2>/dev/null | cut -d' ' -f20)
  kib=$(awk '/^RssAnon:/ {print $2}' /proc/$p/status 2>/dev/null)
  files=$(ls /proc/$p/fd 2>/dev/null | wc -l)
  name=$(cat /proc/$p/comm 2>/dev/null)
  if [ -n "$pod" ] && [ -n "$start" ] && [ -n "$kib" ] && [ "$files" != 0 ]; then echo "$name $pod $start $kib $files"; fi
done; true`

// process is one of a fixed pod.
type process struct{ pod, name string }

// series is what a process used over the time.
type series struct {
	component string
	start     string
	points    []point
}

// point is what a process used at a time since the beginning.
type point struct {
	at         time.Duration
	kib, files float64
}

// found is one line of lookAtProcesses.
type found struct {
	process
	start string
	point
}

func parse(text string, at time.Duration) ([]found, error) {
	var all []found
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) != 5 {
			return nil, fmt.Errorf("a process is described by %q, want 5 fields", lines.Text())
		}
		kib, err := strconv.ParseFloat(fields[3], 64)
		if err != nil {
			return nil, err
		}
		files, err := strconv.ParseFloat(fields[4], 64)
		if err != nil {
			return nil, err
		}
		all = append(all, found{process{fields[1], fields[0]}, fields[2], point{at, kib, files}})
	}
	return all, lines.Err()
}

// sample looks at the processes of the fixed pods, again and again.
func (k *keeper) sample(ctx context.Context, w *watched, begun time.Time, fixed map[string]fixedPod) error {
	for {
		at := time.Since(begun)
		var mu sync.Mutex
		err := k.stack.OnEachNode(func(node string) error {
			text, err := k.stack.Cluster.Exec(ctx, node, lookAtProcesses)
			if err != nil {
				return err
			}
			all, err := parse(text, at)
			if err != nil {
				return fmt.Errorf("node %s: %w", node, err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, f := range all {
				if pod, is := fixed[f.pod]; is {
					w.note(f, pod.component)
				}
			}
			return nil
		})
		if err != nil && ctx.Err() == nil {
			return err
		}
		if !kit.Pause(ctx, sampleEvery) {
			return nil
		}
	}
}

// note takes in what a process uses. One of another start took its place: its series ends.
func (w *watched) note(f found, component string) {
	s := w.series[f.process]
	if s == nil {
		s = &series{component: component, start: f.start}
		w.series[f.process] = s
	}
	if s.start != f.start {
		if said := fmt.Sprintf("%s of pod %s was started anew", f.name, f.pod); !slices.Contains(w.restarted, said) {
			w.restarted = append(w.restarted, said)
		}
		return
	}
	s.points = append(s.points, f.point)
}
