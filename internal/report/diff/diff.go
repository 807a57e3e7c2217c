// Package diff compares two reports: what fails now that did not, what was mended,
// what became flaky or slow, and which checks came and went.
package diff

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

// The rule by which a check is slower: it took more than slowFactor times as long
// and slowSeconds longer than it would have on a machine as slow as the new run's.
// How slow that machine was is the median of all the checks' ratios, if there are
// enough of them. A few seconds more, or a slower machine, are noise.
const (
	slowFactor   = 2.0
	slowSeconds  = 5.0
	enoughChecks = 5
	shortSeconds = 0.2 // shorter times say nothing about a machine
)

// Rule says in words when a check is slower.
const Rule = "slower: more than 2 times as long and 5 s longer, after allowing for how slow the whole run was"

// Change is one difference.
type Change struct {
	// ID is suite/name, or load/..., upgrade/..., set-up.
	ID string `json:"id"`
	// Old and New are the outcomes; empty where there is none.
	Old string `json:"old"`
	New string `json:"new"`
	// Detail is the failure, the reason or the times, in one line.
	Detail string `json:"detail,omitempty"`
	// Rerun is the command that runs it again, for failures.
	Rerun string `json:"rerun,omitempty"`
}

// Outcomes says how the outcome changed; empty where only one is known.
func (c Change) Outcomes() string {
	if c.Old == "" || c.New == "" || c.Old == c.New {
		return ""
	}
	return c.Old + " → " + c.New
}

// Diff is what differs between two reports. Its lists are never nil.
type Diff struct {
	Schema string `json:"schema"`
	Old    Side   `json:"old"`
	New    Side   `json:"new"`
	// Environment are the differences of the environments, e.g. "Istio 1.30.2 -> 1.31.0".
	Environment []string `json:"environment"`
	// NewlyFailing fail and did not, also when they are new; the measurements and the
	// set-up belong to them.
	NewlyFailing []Change `json:"newlyFailing"`
	StillFailing []Change `json:"stillFailing"`
	Fixed        []Change `json:"fixed"`
	// Flaky passed only at a later attempt and did not do so before.
	Flaky []Change `json:"flaky"`
	// NoLongerRun were run and are skipped now.
	NoLongerRun []Change `json:"noLongerRun"`
	// NoLongerJudged came to a judgement, and measured nothing that decides now.
	NoLongerJudged []Change `json:"noLongerJudged"`
	Slower         []Change `json:"slower"`
	Added          []Change `json:"added"`
	Removed        []Change `json:"removed"`
	// Pace is how much longer the new run's checks took as a whole; 1 when it is not known.
	Pace float64 `json:"pace"`
	Rule string  `json:"rule"`
}

// Schema names the contract of a Diff as JSON.
const Schema = "istio-conformance/diff/v1"

// Compare compares an old report with a new one.
func Compare(before, after *report.Report) *Diff {
	d := &Diff{
		Schema: Schema, Old: side(before), New: side(after), Environment: environments(before.Environment, after.Environment),
		NewlyFailing: []Change{}, StillFailing: []Change{}, Fixed: []Change{}, Flaky: []Change{}, NoLongerRun: []Change{}, NoLongerJudged: []Change{},
		Slower: []Change{}, Added: []Change{}, Removed: []Change{}, Pace: pace(before.Tests, after.Tests), Rule: Rule,
	}
	if after.Error != nil {
		outcome := ""
		if before.Error != nil {
			outcome = string(report.Fail)
		}
		d.sort(Change{ID: after.Error.Phase, Old: outcome, New: string(report.Fail), Detail: wording.OneLine(after.Error.Message)})
	}
	d.tests(before, after)
	d.measurements(before, after)
	return d
}

// tests compares the checks.
func (d *Diff) tests(before, after *report.Report) {
	old := map[string]report.Test{}
	for _, t := range before.Tests {
		old[t.ID()] = t
	}
	seen := map[string]bool{}
	for _, t := range after.Tests {
		seen[t.ID()] = true
		was, known := old[t.ID()]
		c := Change{ID: t.ID(), Old: string(was.Status), New: string(t.Status)}
		switch t.Status {
		case report.Fail:
			c.Detail, c.Rerun = t.Headline(), t.Rerun
		default:
			c.Detail = t.Reason
		}
		if t.Unmeasured && (ran(was) || was.Status == report.Fail) {
			d.NoLongerJudged = append(d.NoLongerJudged, c)
		} else {
			d.sort(c)
		}
		if !known {
			d.Added = append(d.Added, Change{ID: c.ID, New: c.New, Detail: t.Description})
			continue
		}
		d.slow(was, t)
	}
	if after.Error != nil {
		return // What a cut off run did not get to is not gone.
	}
	for _, t := range before.Tests {
		if !seen[t.ID()] {
			d.Removed = append(d.Removed, Change{ID: t.ID(), Old: string(t.Status), Detail: t.Description})
		}
	}
}

// sort puts a change into its list by the outcomes.
func (d *Diff) sort(c Change) {
	fail, flaky, skip := string(report.Fail), string(report.Flaky), string(report.Skip)
	switch {
	case c.New == fail && c.Old == fail:
		d.StillFailing = append(d.StillFailing, c)
	case c.New == fail:
		d.NewlyFailing = append(d.NewlyFailing, c)
	case c.New == flaky && c.Old != flaky:
		d.Flaky = append(d.Flaky, c)
	case c.New == skip && c.Old != skip && c.Old != "":
		d.NoLongerRun = append(d.NoLongerRun, c)
	case c.Old == fail && c.New == string(report.Pass):
		d.Fixed = append(d.Fixed, c)
	}
}

// measurements compares the verdicts of what both measured. The numbers of two
// machines are not comparable; each was held against its own baseline.
func (d *Diff) measurements(before, after *report.Report) {
	old := map[string]report.Verdict{}
	for _, l := range before.Load {
		old[l.ID()] = l.Verdict
	}
	for _, u := range before.Upgrade {
		old[upgradeID(u)] = u.Verdict
	}
	add := func(id string, v report.Verdict, note string) {
		if v != report.VerdictPass && v != report.VerdictFail {
			return // What decides nothing changes nothing.
		}
		d.sort(Change{ID: id, Old: string(old[id]), New: string(v), Detail: note})
	}
	for _, l := range after.Load {
		add(l.ID(), l.Verdict, l.Note())
	}
	for _, u := range after.Upgrade {
		add(upgradeID(u), u.Verdict, u.Note())
	}
}

func upgradeID(u report.Upgrade) string {
	id := fmt.Sprintf("upgrade/%s-to-%s", u.From, u.To)
	if u.Journey != "" {
		id += fmt.Sprintf("/%s-%s-%d", u.Journey, u.Values, u.Repetition)
	}
	return id
}

// slow notes that a check became slower, by the rule.
func (d *Diff) slow(was, is report.Test) {
	if !ran(was) || !ran(is) {
		return
	}
	allowed := was.Seconds * max(1, d.Pace)
	if is.Seconds > slowFactor*allowed && is.Seconds-allowed > slowSeconds {
		d.Slower = append(d.Slower, Change{
			ID: is.ID(), Old: string(was.Status), New: string(is.Status),
			Detail: wording.Duration(was.Seconds) + " -> " + wording.Duration(is.Seconds),
		})
	}
}

func ran(t report.Test) bool { return t.Status == report.Pass || t.Status == report.Flaky }

// pace is the median of how much longer the checks took.
func pace(before, after []report.Test) float64 {
	old := map[string]report.Test{}
	for _, t := range before {
		old[t.ID()] = t
	}
	var ratios []float64
	for _, t := range after {
		if was := old[t.ID()]; ran(was) && ran(t) && was.Seconds >= shortSeconds {
			ratios = append(ratios, t.Seconds/was.Seconds)
		}
	}
	if len(ratios) < enoughChecks {
		return 1
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}

// environments lists what differs.
func environments(a, b report.Environment) []string {
	all := []string{}
	for _, f := range [][3]string{
		{"Istio", a.Istio, b.Istio}, {"Kubernetes", a.Kubernetes, b.Kubernetes}, {"Helm", a.Helm, b.Helm}, {"Envoy", a.Proxy.Version, b.Proxy.Version}, {"images", a.Images, b.Images},
		{"kernel", a.Kernel, b.Kernel}, {"cgroup", a.Cgroup, b.Cgroup}, {"nodes", strconv.Itoa(a.Nodes), strconv.Itoa(b.Nodes)}, {"CPUs", strconv.Itoa(a.CPUs), strconv.Itoa(b.CPUs)},
	} {
		if f[1] != f[2] {
			all = append(all, fmt.Sprintf("%s %s -> %s", f[0], cmp.Or(f[1], "unknown"), cmp.Or(f[2], "unknown")))
		}
	}
	return append(all, moved(a.Digests, b.Digests)...)
}
