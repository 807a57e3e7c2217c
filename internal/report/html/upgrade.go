package html

import (
	"fmt"
	"strconv"
	"time"

	"istio-conformance/internal/report"
)

// upgrade is one upgrade with its steps.
type upgrade struct {
	report.Upgrade
	Steps []span
}

func upgrades(doc *report.Report) []upgrade {
	all := make([]upgrade, 0, len(doc.Upgrade))
	for _, u := range doc.Upgrade {
		all = append(all, upgrade{Upgrade: u, Steps: steps(u.Phases)})
	}
	return all
}

// Tone is the verdict's colour class.
func (u upgrade) Tone() string { return tone(u.Verdict) }

// Mark is the verdict's sign.
func (u upgrade) Mark() string { return verdictMark(u.Verdict) }

// Facts are how the traffic fared.
func (u upgrade) Facts() []fact {
	return []fact{{"Requests", strconv.Itoa(u.Requests)}, {"Failed", strconv.Itoa(u.Failed)},
		{"Longest gap", fmt.Sprintf("%.0f ms", u.LongestGapMillis)}}
}

// steps are the phases of an upgrade, at their times or one behind the other.
func steps(phases []report.PhaseTime) []span {
	var start time.Time
	total := 0.0
	for _, p := range phases {
		if !p.Started.IsZero() && (start.IsZero() || p.Started.Before(start)) {
			start = p.Started
		}
		total += p.Seconds
	}
	end := start.Add(toDuration(total))
	for _, p := range phases {
		if last := p.Started.Add(toDuration(p.Seconds)); last.After(end) {
			end = last
		}
	}
	w := scale{start, max(end.Sub(start), time.Millisecond)}
	next := start
	rows := make([]span, 0, len(phases))
	for _, p := range phases {
		at, tone := p.Started, "plain"
		if at.IsZero() {
			at = next
		}
		next = at.Add(toDuration(p.Seconds))
		if p.Error != "" {
			tone = "fail"
		}
		rows = append(rows, span{Name: p.Name, Time: report.Duration(p.Seconds), Error: p.Error, Bars: []bar{w.bar(at, p.Seconds, tone, p.Name)}})
	}
	return rows
}
