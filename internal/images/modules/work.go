package modules

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"istio-conformance/internal/process/artifact"
	"istio-conformance/internal/process/gobuild"
	"istio-conformance/internal/process/progress"
)

const (
	// assembling is how long it takes after all parts are there until the engine
	// has the node image, in seconds.
	assembling = 60
	// trusted is for how many seconds of compiling the reference machine's speed
	// counts beside the measured one.
	trusted = 20
	// remeasure is how often the directories are measured that are being filled.
	remeasure = 5 * time.Second
)

// job is one part that is being made, or is going to be.
type job struct {
	active bool
	// cost is what the part still costs to compile, in seconds of one processor of
	// the reference machine: the part's own figure until its packages are listed.
	cost float64
	// pending holds the cost of each package that is still to be compiled.
	pending map[string]float64
	// A part that is fetched fills dirs, which hold megabytes in the end.
	dirs      []string
	megabytes int
}

// work is how far the parts are.
type work struct {
	now        func() time.Time
	processors int

	mu   sync.Mutex
	jobs map[string]*job
	// counted are the packages that a part has listed, with their modules: what two
	// parts need is compiled once.
	counted            map[string]bool
	packages, compiled int
	// spent is the cost of what was compiled since begun.
	spent float64
	begun time.Time
	// fetched is how many megabytes the directories held when they were measured last.
	fetched  int64
	measured time.Time
}

func newWork(parts []part, processors int, now func() time.Time) *work {
	w := &work{now: now, processors: processors, jobs: map[string]*job{}, counted: map[string]bool{}}
	for _, p := range parts {
		w.jobs[p.id.Name] = &job{cost: p.seconds, megabytes: p.megabytes}
	}
	return w
}

// begin says that a part is being made, in dirs if it is fetched.
func (w *work) begin(name string, dirs ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if j := w.jobs[name]; j != nil {
		j.active, j.dirs = true, dirs
	}
}

// end takes a part that is made off the list.
func (w *work) end(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if j := w.jobs[name]; j != nil {
		// What other parts had compiled meanwhile was no work for this one.
		w.packages -= len(j.pending)
		delete(w.jobs, name)
	}
}

// list says which packages a part consists of.
func (w *work) list(name string, packages []gobuild.Package) {
	w.mu.Lock()
	defer w.mu.Unlock()
	j := w.jobs[name]
	if j == nil {
		return
	}
	j.cost, j.pending = 0, map[string]float64{}
	for _, p := range packages {
		if id := p.Path + " " + p.Module; p.Stale && !w.counted[id] {
			w.counted[id] = true
			w.packages++
			j.cost += p.Cost
			j.pending[p.Path] = p.Cost
		}
	}
}

// compiling says that the compiler has come to a package of a part.
func (w *work) compiling(name, pkg string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.begun.IsZero() {
		w.begun = w.now()
	}
	if j := w.jobs[name]; j != nil {
		if cost, ok := j.pending[pkg]; ok {
			delete(j.pending, pkg)
			j.cost -= cost
			w.spent += cost
			w.compiled++
		}
	}
}

// left is about how many seconds all takes from now on.
func (w *work) left() float64 {
	var cost float64
	for _, j := range w.jobs {
		cost += j.cost
	}
	var elapsed float64
	if !w.begun.IsZero() {
		elapsed = w.now().Sub(w.begun).Seconds()
	}
	speed := (w.spent + float64(w.processors)*trusted) / (elapsed + trusted)
	return cost/speed + assembling
}

// plan is what is going to be made and how long it takes, for a first line.
func (w *work) plan() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return fmt.Sprintf("to make: %s; about %s on %d CPUs where nothing of it is cached",
		strings.Join(slices.Sorted(maps.Keys(w.jobs)), ", "), progress.Roughly(w.left()), w.processors)
}

// gauge is a progress.Gauge: what does not fit is left out, the names first.
func (w *work) gauge(width int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var fields []string
	if w.packages > 0 {
		fields = append(fields, fmt.Sprintf("%d/%d packages", w.compiled, w.packages))
	}
	if done, all := w.megabytes(); all > 0 {
		fields = append(fields, fmt.Sprintf("%d/%d MB", min(done, all), all))
	}
	text := strings.Join(append(fields, "about "+progress.Roughly(w.left())+" left"), "  ")
	var names []string
	for name, j := range w.jobs {
		if j.active {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	long := text + "  " + strings.Join(names, ", ")
	if width <= 0 {
		return long
	}
	const smallestBar, largestBar = 8, 30
	if room := width - len(long) - 2; room >= smallestBar {
		text = long
	}
	room := min(largestBar, width-len(text)-2)
	if room < smallestBar || w.packages == 0 {
		return text[:min(len(text), width)]
	}
	return progress.Bar(float64(w.compiled)/float64(w.packages), room) + "  " + text
}

// megabytes returns how much is fetched of what is being fetched.
func (w *work) megabytes() (done, all int64) {
	again := w.now().Sub(w.measured) >= remeasure
	if again {
		w.measured, w.fetched = w.now(), 0
	}
	for _, j := range w.jobs {
		if !j.active || j.megabytes == 0 {
			continue
		}
		all += int64(j.megabytes)
		for _, dir := range j.dirs {
			if !again {
				break
			}
			// A directory that cannot be measured, such as one of another user's
			// file system, counts as empty.
			if size, err := artifact.DiskUsage(dir); err == nil {
				w.fetched += min(size>>20, int64(j.megabytes))
			}
		}
	}
	return w.fetched, all
}
