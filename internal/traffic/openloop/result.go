package openloop

import (
	"errors"
	"fmt"
	"time"
)

// Schema names the contract of a Result as JSON. New fields may come under the
// same name; a field keeps its meaning.
const Schema = "istio-conformance/load/v1"

// Counts are numbers of requests, those of the warm-up left out but for Warmup.
type Counts struct {
	// Planned is what the schedule holds: OK, Failed and Overflow together,
	// unless the run was interrupted.
	Planned int64 `json:"planned"`
	OK      int64 `json:"ok"`
	Failed  int64 `json:"failed"`
	// Overflow counts the requests that were never sent, because too many were due.
	Overflow int64 `json:"overflow"`
	// Late counts the requests that were sent only after the schedule's end, or
	// answered a second after it: the rate was not held.
	Late int64 `json:"late"`
	// Warmup counts the requests that were due before; nothing else counts them.
	Warmup int64 `json:"warmup"`
}

func (c *Counts) add(other Counts) {
	c.Planned += other.Planned
	c.OK += other.OK
	c.Failed += other.Failed
	c.Overflow += other.Overflow
	c.Late += other.Late
	c.Warmup += other.Warmup
}

// Latencies are of good answers only.
type Latencies struct {
	// Response is from when the request should have been sent: what a user
	// would have waited. It is the one that a verdict stands on.
	Response *Histogram `json:"response"`
	// Service is from when it was sent: what load generators usually measure.
	Service *Histogram `json:"service"`
	// Lag is from when it should have been sent to when it was: also waiting
	// for a connection whose last answer is late.
	Lag *Histogram `json:"sendLag"`
	// OwnLag bounds what the generator itself added to Response: it sent later than
	// it could have, or looked for the answer later.
	OwnLag *Histogram `json:"ownLag"`
}

// NewLatencies returns empty histograms.
func NewLatencies() Latencies {
	return Latencies{NewHistogram(), NewHistogram(), NewHistogram(), NewHistogram()}
}

// Merge adds what other holds, without loss.
func (l Latencies) Merge(other Latencies) error {
	return errors.Join(l.Response.Merge(other.Response), l.Service.Merge(other.Service),
		l.Lag.Merge(other.Lag), l.OwnLag.Merge(other.OwnLag))
}

// Interval is one second of a run, by the time of the answer.
type Interval struct {
	// Second counts from the end of the warm-up.
	Second   int              `json:"second"`
	OK       int64            `json:"ok"`
	Errors   map[string]int64 `json:"errors,omitempty"`
	Response *Histogram       `json:"response"`
	// GapMicros is the longest time without a good answer that ended in this second
	// or still went on at its end, in microseconds; of several workers or
	// generators the smallest.
	GapMicros float64 `json:"gapMicros"`
	// SendGapMicros is the same of the time in which no request was sent: what was out
	// of order for less may have met none.
	SendGapMicros float64 `json:"sendGapMicros"`
}

func newInterval(second int) *Interval {
	return &Interval{Second: second, Response: newIntervalHistogram()}
}

func (i *Interval) fail(class string) {
	if i.Errors == nil {
		i.Errors = map[string]int64{}
	}
	i.Errors[class]++
}

// Failed returns how many requests failed in the second.
func (i *Interval) Failed() int64 { return total(i.Errors) }

func (i *Interval) merge(other *Interval) error {
	if i.OK == 0 || other.OK > 0 && other.GapMicros < i.GapMicros {
		i.GapMicros = other.GapMicros
	}
	if i.SendGapMicros == 0 || other.SendGapMicros > 0 && other.SendGapMicros < i.SendGapMicros {
		i.SendGapMicros = other.SendGapMicros
	}
	i.OK += other.OK
	for class, n := range other.Errors {
		i.Errors = addTo(i.Errors, class, n)
	}
	return i.Response.Merge(other.Response)
}

// Result is what one run measured.
type Result struct {
	Schema   string   `json:"schema"`
	Name     string   `json:"name"`
	URL      string   `json:"url"`
	Host     string   `json:"host"`
	Protocol Protocol `json:"protocol"`
	// Rate, and RateTo where it changed, are in requests per second over all stripes.
	Rate           float64 `json:"rate"`
	RateTo         float64 `json:"rateTo,omitempty"`
	WarmupSeconds  float64 `json:"warmupSeconds"`
	Seconds        float64 `json:"seconds"`
	Connections    int     `json:"connections"`
	NewConnections bool    `json:"newConnections"`
	// Realtime says that the sending threads ran at real-time priority.
	Realtime bool `json:"realtime"`
	// Stripes are the shares of the schedule that are in here.
	Stripes []Stripe  `json:"stripes"`
	Started time.Time `json:"started"`
	Counts  Counts    `json:"counts"`
	// LongestGapMicros is the longest time without a good answer, in microseconds;
	// of several workers or generators the smallest of theirs.
	LongestGapMicros float64 `json:"longestGapMicros"`
	// LongestSendGapMicros is the same of the time in which no request was sent.
	LongestSendGapMicros float64 `json:"longestSendGapMicros"`
	// Opened counts the connections that were made, warm-up included.
	Opened       int64            `json:"opened"`
	Errors       map[string]int64 `json:"errors"`
	WarmupErrors map[string]int64 `json:"warmupErrors,omitempty"`
	// Failures are the first requests that failed, as the clients saw them.
	Failures []Failure `json:"failures,omitempty"`
	Latencies
	Intervals []*Interval      `json:"intervals"`
	Machine   Machine          `json:"machine"`
	Counters  []CounterReading `json:"counters"`
	// Usage is what the containers that were watched used.
	Usage []Usage `json:"usage,omitempty"`
	// Unheld says that the path did not hold the rate; empty means that it did.
	Unheld string `json:"unheld,omitempty"`
	// Invalid says why the run is no measurement; empty means that it is one.
	Invalid []string `json:"invalid"`
}

// HeldRate returns the rate that was held, in requests per second.
func (r *Result) HeldRate() float64 {
	return float64(r.Counts.Planned-r.Counts.Overflow-r.Counts.Late) / r.Seconds
}

// Judge decides anew whether the result is a measurement, as is needed after
// Merge: what one stripe has too few answers for, all of them together may have
// enough of. Reasons of the stripes themselves are forgotten.
func (r *Result) Judge(l *Limits) {
	r.Invalid = []string{}
	r.Invalid, r.Unheld = l.judge(r), l.unheld(r)
}

// Merge adds what another stripe of the same schedule measured.
func (r *Result) Merge(other *Result) error {
	if r.Rate != other.Rate || r.RateTo != other.RateTo || r.Seconds != other.Seconds || !r.Started.Equal(other.Started) {
		return fmt.Errorf("stripe %v and %v are not of the same run", r.Stripes, other.Stripes)
	}
	if err := r.Latencies.Merge(other.Latencies); err != nil {
		return err
	}
	for i, interval := range other.Intervals {
		if i >= len(r.Intervals) {
			r.Intervals = append(r.Intervals, newInterval(i))
		}
		if err := r.Intervals[i].merge(interval); err != nil {
			return err
		}
	}
	r.Counts.add(other.Counts)
	r.Connections += other.Connections
	r.Opened += other.Opened
	r.LongestGapMicros = min(r.LongestGapMicros, other.LongestGapMicros)
	r.LongestSendGapMicros = min(r.LongestSendGapMicros, other.LongestSendGapMicros)
	for class, n := range other.Errors {
		r.Errors = addTo(r.Errors, class, n)
	}
	for class, n := range other.WarmupErrors {
		r.WarmupErrors = addTo(r.WarmupErrors, class, n)
	}
	r.Failures = append(r.Failures, other.Failures...)
	r.Stripes = append(r.Stripes, other.Stripes...)
	r.Counters = append(r.Counters, other.Counters...)
	r.Invalid = append(r.Invalid, other.Invalid...)
	r.Realtime = r.Realtime && other.Realtime
	r.Machine = r.Machine.worst(other.Machine)
	return nil
}

func addTo(m map[string]int64, class string, n int64) map[string]int64 {
	if m == nil {
		m = map[string]int64{}
	}
	m[class] += n
	return m
}

func total(m map[string]int64) int64 {
	sum := int64(0)
	for _, n := range m {
		sum += n
	}
	return sum
}
