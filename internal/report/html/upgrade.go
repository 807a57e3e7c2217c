package html

import (
	"fmt"
	"html/template"
	"slices"
	"strconv"
	"strings"
	"time"

	"istio-conformance/internal/report"
	"istio-conformance/internal/report/plot"
	"istio-conformance/internal/report/wording"
)

// upgrade is one upgrade with its steps and charts.
type upgrade struct {
	report.Upgrade
	// Timeline are the steps, then the failed requests of each kind of traffic, on
	// one scale.
	Timeline []span
	Charts   []template.HTML
}

func upgrades(doc *report.Report) []upgrade {
	all := make([]upgrade, 0, len(doc.Upgrade))
	for _, u := range doc.Upgrade {
		one := upgrade{Upgrade: u, Timeline: steps(u.Phases)}
		if len(u.Steps) > 0 {
			one.Timeline = journey(u)
		}
		for _, svg := range upgradeCharts(u) {
			one.Charts = append(one.Charts, template.HTML(svg)) // package plot escapes what it is given
		}
		all = append(all, one)
	}
	return all
}

// repeated are the sums of the journeys' repetitions as the table shows them.
func repeated(doc *report.Report) [][]string {
	var rows [][]string
	for _, r := range report.RepeatedUpgrades(doc.Upgrade) {
		atMost := "-"
		if percent, known := r.AtMost(); known {
			atMost = fmt.Sprintf("%d %%", percent)
		}
		rows = append(rows, []string{
			strings.TrimPrefix(r.Name, "upgrade/"), strconv.Itoa(r.Repetitions), strconv.Itoa(r.Failed), strconv.Itoa(r.Invalid), strconv.Itoa(r.Losing()),
			strconv.Itoa(r.Requests), strconv.Itoa(r.AllLost()), r.Spread(), fmt.Sprintf("%.0f ms", r.LongestGapMillis), atMost,
		})
	}
	return rows
}

// Tone is the verdict's colour class.
func (u upgrade) Tone() string { return tone(u.Verdict) }

// Mark is the verdict's sign.
func (u upgrade) Mark() string { return verdictMark(u.Verdict) }

// Facts are how the traffic fared.
func (u upgrade) Facts() []fact {
	all := []fact{{"Requests", strconv.Itoa(u.Requests)}, {"Failed", strconv.Itoa(u.Failed)}, {"Longest gap", fmt.Sprintf("%.0f ms", u.LongestGapMillis)}}
	if u.Journey != "" {
		all = append(all, fact{"Journey", u.Journey}, fact{"Values", u.Values}, fact{"Repetition", strconv.Itoa(u.Repetition)}, fact{"Allowed to fail", strconv.Itoa(u.Budget)})
	}
	if u.Again {
		all = append(all, fact{"Counts", "no, made again"})
	}
	if u.Forced {
		all = append(all, fact{"Path", "not supported, forced"})
	}
	return all
}

// TrafficRows are the kinds of traffic as the table shows them.
func (u upgrade) TrafficRows() [][]string {
	rows := make([][]string, 0, len(u.Traffic))
	for _, t := range u.Traffic {
		note := t.Description
		if t.Resent > 0 {
			note += fmt.Sprintf("; %d sent again when their stream ended", t.Resent)
		}
		if t.NeverSent > 0 {
			note += fmt.Sprintf("; %d more were due and never sent", t.NeverSent)
		}
		if len(t.Invalid) > 0 {
			note = "invalid: " + t.Invalid[0]
		}
		rows = append(rows, []string{t.Name, fmt.Sprintf("%.6g", t.Rate), strconv.Itoa(t.Requests), strconv.Itoa(t.Failed), fmt.Sprintf("%.0f ms", t.LongestGapMillis), note})
	}
	return rows
}

// StepRows are the steps as the table shows them.
func (u upgrade) StepRows() [][]string {
	rows := make([][]string, 0, len(u.Steps))
	for _, s := range u.Steps {
		rows = append(rows, []string{
			s.Leg + ": " + s.Name, s.From + " to " + s.To, wording.Duration(s.End - s.Start), strconv.Itoa(s.Requests), strconv.Itoa(s.Failed),
			fmt.Sprintf("%.0f ms", s.LongestGapMillis), fmt.Sprintf("%.0f ms", s.LongestSendGapMillis), micros(s.P99Micros), micros(s.BeforeP99Micros),
		})
	}
	return rows
}

// journey puts the steps and the failed requests on the scale of the whole journey.
func journey(u report.Upgrade) []span {
	seconds := u.Seconds
	for _, s := range u.Steps {
		seconds = max(seconds, s.End)
	}
	w := scale{time.Time{}, max(toDuration(seconds), time.Millisecond)}
	at := func(seconds float64) time.Time { return time.Time{}.Add(toDuration(seconds)) }
	var rows []span
	for _, s := range u.Steps {
		row := span{Name: s.Leg + ": " + s.Name, Time: wording.Duration(s.End - s.Start)}
		checked := "pass"
		if len(s.Failures)+s.Failed > 0 {
			checked = "fail"
		}
		row.Bars = []bar{w.bar(at(s.Start), s.Changed-s.Start, "plain", "the change"), w.bar(at(s.Changed), s.End-s.Changed, checked, "the checks after it")}
		if len(s.Failures) > 0 {
			row.Error = s.Failures[0]
		}
		rows = append(rows, row)
	}
	for _, t := range u.Traffic {
		row := span{Name: t.Name, Time: fmt.Sprintf("%d failed", t.Failed)}
		for _, second := range t.Timeline {
			failed := 0
			for _, n := range second.Errors {
				failed += n
			}
			if failed > 0 {
				row.Bars = append(row.Bars, w.bar(at(float64(second.At)), 1, "fail", fmt.Sprintf("%d failed in second %d", failed, second.At)))
			}
		}
		rows = append(rows, row)
	}
	return rows
}

// upgradeCharts draws the latency and the errors of each second, with the steps.
func upgradeCharts(u report.Upgrade) []string {
	var marks []plot.Mark
	for _, s := range u.Steps {
		marks = append(marks, plot.Mark{X: s.Start, Text: s.Name})
	}
	var latency []plot.Series
	classes := map[string][]plot.Point{}
	for i, t := range u.Traffic {
		p99 := plot.Series{Name: t.Name + " p99", Color: i}
		for _, s := range t.Timeline {
			if s.OK > 0 {
				p99.Points = append(p99.Points, plot.Point{X: float64(s.At), Y: s.P99Micros / 1e3})
			}
			for class, n := range s.Errors {
				name := t.Name + ": " + class
				classes[name] = append(classes[name], plot.Point{X: float64(s.At), Y: float64(n)})
			}
		}
		latency = append(latency, p99)
	}
	var svg []string
	if drawn(latency) {
		svg = append(svg, plot.Timeline("Response time in each second", slices.Clone(latency), marks))
	}
	if len(classes) > 0 {
		svg = append(svg, plot.Errors("Failed requests in each second", errorSeries(classes)))
	}
	return svg
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
		rows = append(rows, span{Name: p.Name, Time: wording.Duration(p.Seconds), Error: p.Error, Bars: []bar{w.bar(at, p.Seconds, tone, p.Name)}})
	}
	return rows
}
