package html

import (
	"cmp"
	"fmt"
	"math"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/wording"
)

// How far around a test the time line goes, and how many events it shows.
const (
	eventsBefore = 2 * time.Minute
	eventsAfter  = 30 * time.Second
	shownEvents  = 60
	readEvents   = 2 << 20
)

// event is something that Kubernetes noted.
type event struct {
	At                            time.Time
	Type, Object, Reason, Message string
}

// eventLine is a line of an evidence's events.txt: time, type, object, reason, message.
var eventLine = regexp.MustCompile(`^(\d{4}-\d\d-\d\dT\S+) (\w+) (\S+/\S+) (\w+): (.*)$`)

// events returns the events in the evidence.
func (r *reader) events(evidence []string) []event {
	var all []event
	if r.root == nil {
		return nil
	}
	for _, name := range r.list(evidence) {
		if path.Base(name) != "events.txt" {
			continue
		}
		content, _, err := r.tail(name, readEvents)
		if err != nil {
			continue // The list of files says that it cannot be read.
		}
		for line := range strings.Lines(string(content)) {
			m := eventLine.FindStringSubmatch(strings.TrimSpace(wording.Clean(line)))
			if m == nil {
				continue
			}
			at, err := time.Parse(time.RFC3339, m[1])
			if err != nil {
				continue
			}
			e := event{At: at, Type: m[2], Object: m[3], Reason: m[4], Message: m[5]}
			if namespace := path.Base(path.Dir(name)); namespace != "." {
				e.Object = namespace + " " + e.Object
			}
			if !slices.Contains(all, e) {
				all = append(all, e)
			}
		}
	}
	return all
}

// timeline is the events around a test.
type timeline struct {
	Rows []eventRow
	// Left says what is not shown.
	Left string
	// From and Width are the test's own time in the strip, in thousandths.
	From, Width float64
	Range       string
}

// eventRow is an event at its place.
type eventRow struct {
	event
	// X is its place in the strip, in thousandths.
	X      float64
	Offset string
}

// Tone is the event's colour class.
func (e eventRow) Tone() string {
	if e.Type == "Normal" {
		return "plain"
	}
	return "warn"
}

// newTimeline returns the events around the test, or nil when there is none.
func newTimeline(t report.Test, events []event) *timeline {
	if t.Started.IsZero() {
		return nil
	}
	end := t.Started.Add(time.Duration(t.Seconds * float64(time.Second)))
	low, high := t.Started.Add(-eventsBefore), end.Add(eventsAfter)
	events = slices.DeleteFunc(events, func(e event) bool { return e.At.Before(low) || e.At.After(high) })
	if len(events) == 0 {
		return nil
	}
	slices.SortStableFunc(events, func(a, b event) int { return a.At.Compare(b.At) })
	line := &timeline{}
	if n := len(events) - shownEvents; n > 0 {
		events, line.Left = nearest(events, t.Started, end), wording.Plural(n, "event")
	}
	first, last := events[0].At, events[len(events)-1].At
	if t.Started.Before(first) {
		first = t.Started
	}
	if end.After(last) {
		last = end
	}
	width := max(last.Sub(first), time.Second)
	at := func(x time.Time) float64 { return math.Round(1e4*float64(x.Sub(first))/float64(width)) / 10 }
	line.From = at(t.Started)
	line.Width = max(4, at(end)-line.From)
	line.Range = fmt.Sprintf("%s to %s UTC", first.UTC().Format(time.TimeOnly), last.UTC().Format(time.TimeOnly))
	for _, e := range events {
		line.Rows = append(line.Rows, eventRow{event: e, X: min(996, at(e.At)), Offset: offset(e.At.Sub(t.Started))})
	}
	return line
}

// nearest keeps the warnings and then what is nearest to the test, in order of time.
func nearest(events []event, start, end time.Time) []event {
	distance := func(e event) time.Duration {
		return max(0, start.Sub(e.At), e.At.Sub(end))
	}
	kept := slices.Clone(events)
	slices.SortStableFunc(kept, func(a, b event) int {
		return cmp.Or(cmp.Compare(weight(a), weight(b)), cmp.Compare(distance(a), distance(b)))
	})
	kept = kept[:shownEvents]
	slices.SortStableFunc(kept, func(a, b event) int { return a.At.Compare(b.At) })
	return kept
}

func weight(e event) int {
	if e.Type == "Normal" {
		return 1
	}
	return 0
}

// offset is a time relative to the test's start.
func offset(d time.Duration) string {
	sign := "+"
	if d < 0 {
		sign, d = "−", -d
	}
	return sign + wording.Duration(d.Seconds())
}
