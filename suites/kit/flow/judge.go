package flow

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"istio-conformance/internal/traffic/openloop"
)

// Bound is what may be lost.
type Bound struct {
	// Failed is how many requests of all kinds together may fail.
	Failed int64
	// Gap is the longest time without a good answer of any kind.
	Gap time.Duration
}

// Nothing may be lost; an answer may take as long as a busy machine needs.
var Nothing = Bound{Gap: 5 * time.Second}

// mayNotBeSent is the share of the requests that may be given up because all
// connections waited for answers.
const mayNotBeSent = 0.01

// Seen is what one kind of traffic met.
type Seen struct {
	name      string
	requests  int64
	failed    int64
	neverSent int64
	errors    map[string]int64
	// gap is the longest time without a good answer; lag is by how much the generator was
	// late at most, though a connection was free and the answer there.
	gap, lag time.Duration
	failures []openloop.Failure
	invalid  []string
}

func see(k Kind, r *openloop.Result) Seen {
	return Seen{
		name: k.Name, requests: r.Counts.OK + r.Counts.Failed, failed: r.Counts.Failed, neverSent: r.Counts.Overflow, errors: r.Errors,
		gap: time.Duration(r.LongestGapMicros) * time.Microsecond, lag: r.OwnLag.Quantile(1), failures: r.Failures, invalid: r.Invalid,
	}
}

func (s Seen) String() string {
	text := fmt.Sprintf("%s: %d of %d requests failed, longest gap %s, generator late by at most %s", s.name, s.failed, s.requests, s.gap.Round(time.Millisecond), s.lag.Round(time.Millisecond))
	if s.failed > 0 {
		text += ": " + openloop.DescribeErrors(s.errors)
	}
	if s.neverSent > 0 {
		text += fmt.Sprintf(", %d never sent", s.neverSent)
	}
	return text
}

// stall is the longest time by which the generator itself may be late. A machine that
// stands still for longer also keeps back what istiod, kube-proxy and the kubelets have to
// do in time, and nothing that is lost then can be laid at Istio's door.
const stall = 2 * time.Second

// Judge says what was lost beyond the bound, and why what was measured is no
// measurement.
func (b Bound) Judge(all []Seen) (lost, invalid []string) {
	var failed int64
	for _, s := range all {
		failed += s.failed
	}
	for _, s := range all {
		invalid = append(invalid, s.noMeasurement()...)
		if s.failed > 0 && failed > b.Failed {
			lost = append(lost, s.String())
		}
		if s.gap > b.Gap {
			lost = append(lost, fmt.Sprintf("%s: no good answer for %s, %s may pass", s.name, s.gap.Round(time.Millisecond), b.Gap))
		}
	}
	return lost, invalid
}

// noMeasurement says why what was seen says nothing about the mesh.
func (s Seen) noMeasurement() (why []string) {
	if s.requests == 0 {
		why = append(why, s.name+": nothing was sent")
	}
	if s.lag > stall {
		why = append(why, fmt.Sprintf("the machine stood still: the generator of %s", s))
	}
	if float64(s.neverSent) > mayNotBeSent*float64(s.requests+s.neverSent) && s.failed == 0 && s.gap < stall {
		why = append(why, fmt.Sprintf("%s: %d requests were never sent, as all connections waited", s.name, s.neverSent))
	}
	return append(why, s.invalid...)
}

// failuresNamed is how many failures a message names.
const failuresNamed = 3

// FirstFailures are what clients saw first, by time.
func FirstFailures(all []Seen) string {
	byTime := map[time.Time]string{}
	for _, s := range all {
		for _, f := range s.failures {
			byTime[f.Sent] = fmt.Sprintf("%s %s: %s after %d ms", f.Sent.UTC().Format("15:04:05.000"), s.name, f.Class, f.Failed.Sub(f.Sent).Milliseconds())
		}
	}
	var texts []string
	for _, at := range slices.SortedFunc(maps.Keys(byTime), time.Time.Compare) {
		texts = append(texts, byTime[at])
	}
	return strings.Join(texts[:min(len(texts), failuresNamed)], "; ")
}
