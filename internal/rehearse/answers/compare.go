package answers

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"istio-conformance/internal/traffic/stats"
)

// Answers are all that came of one question.
type Answers struct {
	all map[string]Answer
	// n counts each.
	n map[string]int
	// total is how many there are, fastest the shortest time that one took, in milliseconds.
	total   int
	fastest int64
}

// New is no answers yet.
func New() *Answers { return &Answers{all: map[string]Answer{}, n: map[string]int{}} }

// Add takes in an outcome.
func (a *Answers) Add(o *Outcome) {
	answer := Of(o)
	key := answer.key()
	a.all[key] = answer
	a.n[key]++
	a.total++
	if a.total == 1 || o.Milliseconds < a.fastest {
		a.fastest = o.Milliseconds
	}
}

// Merge takes in the answers of another round.
func (a *Answers) Merge(b *Answers) {
	if b == nil {
		return
	}
	a.total, a.fastest = a.total+b.total, min(a.fastest, b.fastest)
	for key, answer := range b.all {
		a.all[key] = answer
		a.n[key] += b.n[key]
	}
}

// Usual is the answer that came most often.
func (a *Answers) Usual() Answer {
	keys := slices.SortedFunc(maps.Keys(a.n), func(x, y string) int {
		return cmp.Or(cmp.Compare(a.n[y], a.n[x]), cmp.Compare(x, y))
	})
	if len(keys) == 0 {
		return Answer{}
	}
	return a.all[keys[0]]
}

// Stable says whether every answer was the same.
func (a *Answers) Stable() bool { return len(a.all) == 1 }

// Same says whether two rounds of answers are the same ones.
func (a *Answers) Same(b *Answers) bool {
	return maps.EqualFunc(a.all, b.all, func(Answer, Answer) bool { return true })
}

// String is the answers for people.
func (a *Answers) String() string {
	if a.Stable() {
		return a.Usual().String()
	}
	counts := map[string]int{}
	for key, answer := range a.all {
		counts[answer.String()] += a.n[key]
	}
	var parts []string
	for _, text := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%d of %d %s", counts[text], a.total, text))
	}
	return strings.Join(parts, "; ")
}

// Difference is a field that two versions answer otherwise.
type Difference struct{ Field, Before, After string }

// String is "field: before -> after".
func (d Difference) String() string { return d.Field + ": " + d.Before + " -> " + d.After }

// slow is from when on the time of an answer is compared, and by how much it must differ
// to be another one; below it the machine decides, in milliseconds.
const slow = 700

// Compare returns what differs. Where chance decides, each field's values are compared as
// counts: they differ where no common probability explains both.
func Compare(before, after *Answers, chance bool) []Difference {
	var all []Difference
	if chance || !before.Stable() {
		all = counted(before, after)
	} else {
		all = fields(before.Usual(), worst(before.Usual(), after))
	}
	all = decisive(all)
	if len(all) == 0 && before.Stable() && max(before.fastest, after.fastest) > slow && abs(before.fastest-after.fastest) > slow {
		all = append(all, Difference{"time", took(before.fastest), took(after.fastest)})
	}
	return all
}

func abs(n int64) int64 { return max(n, -n) }

func took(ms int64) string { return fmt.Sprintf("%.1f s", float64(ms)/1e3) }

// worst is an answer that differs from the one before, if any does.
func worst(before Answer, after *Answers) Answer {
	usual := after.Usual()
	if usual.key() != before.key() {
		return usual
	}
	for _, key := range slices.Sorted(maps.Keys(after.all)) {
		if key != before.key() {
			return after.all[key]
		}
	}
	return usual
}

// fields compares two answers.
func fields(before, after Answer) []Difference {
	var all []Difference
	for _, name := range names(before, after) {
		if before[name] != after[name] {
			all = append(all, Difference{name, present(before[name]), present(after[name])})
		}
	}
	return all
}

// decisive leaves out what follows from another status, or from who answers.
func decisive(all []Difference) []Difference {
	for _, field := range []string{fieldStatus, fieldBy} {
		if i := slices.IndexFunc(all, func(d Difference) bool { return d.Field == field }); i >= 0 {
			return all[i : i+1]
		}
	}
	return all
}

func present(value string) string { return cmp.Or(value, "(none)") }

func names(all ...Answer) []string {
	found := map[string]bool{}
	for _, a := range all {
		for name := range a {
			found[name] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// counted compares how often each field has each value.
func counted(before, after *Answers) []Difference {
	var every []Answer
	for _, of := range []*Answers{before, after} {
		every = slices.AppendSeq(every, maps.Values(of.all))
	}
	var all []Difference
	for _, name := range names(every...) {
		x, y := before.values(name), after.values(name)
		for _, value := range slices.Sorted(maps.Keys(union(x, y))) {
			if differ(x[value], before.total, y[value], after.total) {
				all = append(all, Difference{name, share(x, before.total), share(y, after.total)})
				break
			}
		}
	}
	return all
}

func union(x, y map[string]int) map[string]int {
	all := maps.Clone(x)
	maps.Copy(all, y)
	return all
}

// values counts those of a field.
func (a *Answers) values(name string) map[string]int {
	counts := map[string]int{}
	for key, answer := range a.all {
		counts[present(answer[name])] += a.n[key]
	}
	return counts
}

func share(of map[string]int, total int) string {
	var parts []string
	for _, value := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, fmt.Sprintf("%s %d of %d", value, of[value], total))
	}
	return strings.Join(parts, ", ")
}

// differ says whether no probability explains both counts.
func differ(x, n, y, m int) bool {
	if n == 0 || m == 0 {
		return n != m
	}
	lowX, highX := stats.Confidence(n, x, stats.Level)
	lowY, highY := stats.Confidence(m, y, stats.Level)
	return highX < lowY || highY < lowX
}
