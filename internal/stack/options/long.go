package options

import (
	"strconv"
	"time"

	"istio-conformance/internal/process/exitcode"
)

// Outages says which outages are among the checks.
type Outages string

// None are made, or those that every night makes, or those that take longer and are rarer too.
const (
	NoOutages   Outages = ""
	SomeOutages Outages = "1"
	AllOutages  Outages = "all"
)

// ShortestSoak is the shortest time of which a slope can be told; longest are three days.
const (
	ShortestSoak = 4 * time.Minute
	longest      = 72 * time.Hour
)

// soakLayer names the values with which a mesh is watched.
const soakLayer = "soak"

// registerLong defines the flags of what takes minutes and hours.
func (o *Options) registerLong() {
	o.text(&o.outages, "outage", "OUTAGE", "", "take away, one at a time, what Istio depends on while traffic runs: 1 for the API server, CoreDNS, istiod and others, all for a lost node, a gateway out of memory and others too")
	o.text(&o.hours, "hours", "HOURS", "", "let a mesh work for so many hours under small traffic, and say whether memory or open files grow (make soak)")
	o.text(&o.minutes, "minutes", "MINUTES", "", "the same in minutes, at least 4")
}

// completeLong reads them.
func (o *Options) completeLong() error {
	switch o.Outage = Outages(o.outages); o.Outage {
	case "0", "false":
		o.Outage = NoOutages
	case "true":
		o.Outage = SomeOutages // as older configuration files say it
	case NoOutages, SomeOutages, AllOutages:
	default:
		return exitcode.Usagef("OUTAGE=%s: want 1 for the outages of every night, all for every one, or 0", o.outages)
	}
	for _, given := range []struct {
		name, value string
		unit        time.Duration
	}{{"HOURS", o.hours, time.Hour}, {"MINUTES", o.minutes, time.Minute}} {
		if given.value == "" {
			continue
		}
		n, err := strconv.ParseFloat(given.value, 64)
		lasts := time.Duration(n * float64(given.unit))
		if err != nil || lasts < ShortestSoak || lasts > longest {
			return exitcode.Usagef("%s=%s: want a time from %s to %s", given.name, given.value, ShortestSoak, longest)
		}
		if o.Soak != 0 {
			return exitcode.Usagef("HOURS=%s MINUTES=%s: how long a mesh is watched is one time; leave one out", o.hours, o.minutes)
		}
		o.Soak = lasts
	}
	if o.Soak > 0 && (o.Upgrade != nil || o.Exam) {
		return exitcode.Usagef("HOURS and MINUTES are for make soak; leave them out of an upgrade and of the exam")
	}
	if o.Soak > 0 {
		o.ValuesLayer = soakLayer
	}
	return nil
}
