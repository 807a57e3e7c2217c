package upgrade

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"istio-conformance/internal/report"
)

const (
	// witnessesNamed is how many of the witnesses a verdict quotes.
	witnessesNamed = 3
	// noticed is the shortest outage of all that a kind of traffic passes that every
	// step must have noticed: each kind has sent something in any time of this length.
	noticed = time.Second
)

// refuse makes the verdict a failure that says why there is nothing to judge.
func refuse(u *report.Upgrade, format string, args ...any) {
	u.Verdict = report.VerdictFail
	u.Reasons = append(u.Reasons, fmt.Sprintf(format, args...))
}

// Finish puts the steps and the traffic together and judges them. Of a journey
// that is only measured every request may fail.
func Finish(u *report.Upgrade, steps []report.UpgradeStep, measured bool) {
	u.Steps = steps
	for i := range u.Traffic {
		t := &u.Traffic[i]
		u.Requests += t.Requests
		u.Failed += t.Failed
		u.LongestGapMillis = max(u.LongestGapMillis, t.LongestGapMillis)
	}
	before := share(u)
	for i := range u.Steps {
		s := &u.Steps[i]
		s.BeforeP99Micros = before
		u.Phases = append(u.Phases, report.PhaseTime{Name: s.Leg + " " + s.Name, Seconds: s.End - s.Start})
	}
	if measured {
		u.Budget = u.Requests
	}
	judge(u)
}

// share gives each second of the traffic to the step in whose time its middle
// lies, and returns the median of the p99s of the first step, in microseconds.
func share(u *report.Upgrade) (beforeP99 float64) {
	var before []float64
	for _, t := range u.Traffic {
		for _, second := range t.Timeline {
			i := stepAt(u.Steps, float64(second.At)+0.5)
			if i < 0 {
				continue
			}
			s := &u.Steps[i]
			s.Requests += second.OK
			for class, n := range second.Errors {
				if s.Errors == nil {
					s.Errors = map[string]int{}
				}
				s.Errors[class] += n
				s.Failed += n
				s.Requests += n
			}
			s.LongestGapMillis = max(s.LongestGapMillis, second.GapMillis)
			if second.SendGapMillis > s.LongestSendGapMillis {
				s.LongestSendGapMillis, s.LongestSendGapOf = second.SendGapMillis, t.Name
			}
			s.P99Micros = max(s.P99Micros, second.P99Micros)
			if i == 0 {
				before = append(before, second.P99Micros)
			}
		}
	}
	if len(before) == 0 {
		return 0
	}
	slices.Sort(before)
	return before[len(before)/2]
}

// stepAt returns the last step that had begun at a time, or -1.
func stepAt(steps []report.UpgradeStep, at float64) int {
	found := -1
	for i := range steps {
		if steps[i].Start <= at {
			found = i
		}
	}
	return found
}

// judge sets the verdict. A change that failed or lost requests is a failure
// whatever the load was; a load that was none makes everything else invalid.
func judge(u *report.Upgrade) {
	u.Verdict = report.VerdictPass
	because := func(v report.Verdict, format string, args ...any) {
		u.Reasons = append(u.Reasons, fmt.Sprintf(format, args...))
		if u.Verdict != report.VerdictFail {
			u.Verdict = v
		}
	}
	for _, s := range u.Steps {
		for _, failure := range s.Failures {
			because(report.VerdictFail, "%s %s: %s", s.Leg, s.Name, failure)
		}
	}
	if u.Failed > u.Budget {
		because(report.VerdictFail, "%d of %d requests failed, %d may: %s", u.Failed, u.Requests, u.Budget, where(u))
		for _, said := range u.Witnesses[:min(len(u.Witnesses), witnessesNamed)] {
			because(report.VerdictFail, "%s", said)
		}
	}
	if !changed(u) {
		because(report.VerdictFail, "the versions did not change: no step led from Istio %s to %s", u.From, u.To)
	}
	for _, t := range u.Traffic {
		for _, reason := range t.Invalid {
			because(report.VerdictInvalid, "traffic %s is no measurement: %s", t.Name, reason)
		}
		if t.Requests == t.Failed {
			because(report.VerdictInvalid, "traffic %s has no good answer at all", t.Name)
		}
	}
	for _, s := range u.Steps {
		if s.LongestSendGapMillis > float64(noticed.Milliseconds()) {
			because(report.VerdictInvalid, "%s %s: loss cannot be judged: %s sent nothing for %.0f ms, and an outage of %d ms must be noticed",
				s.Leg, s.Name, s.LongestSendGapOf, s.LongestSendGapMillis, noticed.Milliseconds())
		}
	}
	if len(u.Traffic) == 0 {
		because(report.VerdictInvalid, "there was no traffic")
	}
	if len(u.Steps) > 0 && u.Steps[0].Failed > 0 {
		because(report.VerdictInvalid, "%d requests failed before anything was changed: %s", u.Steps[0].Failed, describeErrors(u.Steps[0].Errors))
	}
}

// changed says whether some step led from the one version to the other; with the
// same version, whether anything was done at all.
func changed(u *report.Upgrade) bool {
	return slices.ContainsFunc(u.Steps, func(s report.UpgradeStep) bool {
		return s.Name != "soak" && len(s.Failures) == 0 && s.To == u.To && (s.From == u.From || u.From == u.To)
	})
}

// where says in which steps requests failed, of which kind and how.
func where(u *report.Upgrade) string {
	var parts []string
	for i := range u.Steps {
		if s := &u.Steps[i]; s.Failed > 0 {
			parts = append(parts, fmt.Sprintf("%s %s %s", s.Leg, s.Name, describeErrors(s.Errors)))
		}
	}
	var of []string
	for _, t := range u.Traffic {
		if t.Failed > 0 {
			of = append(of, fmt.Sprintf("%d %s", t.Failed, t.Name))
		}
	}
	return strings.Join(parts, "; ") + " (" + strings.Join(of, ", ") + ")"
}

func describeErrors(errors map[string]int) string {
	classes := slices.SortedFunc(maps.Keys(errors), func(a, b string) int {
		return cmp.Or(cmp.Compare(errors[b], errors[a]), cmp.Compare(a, b))
	})
	parts := make([]string, 0, len(classes))
	for _, class := range classes {
		parts = append(parts, fmt.Sprintf("%d %s", errors[class], class))
	}
	return strings.Join(parts, ", ")
}

// describe is a journey in one line.
func describe(u *report.Upgrade) string {
	text := fmt.Sprintf("%s -> %s %s with %s values: %s, %d of %d requests failed (%d may), longest gap %.0f ms, %d steps in %.0f s",
		u.From, u.To, u.Journey, u.Values, u.Verdict, u.Failed, u.Requests, u.Budget, u.LongestGapMillis, len(u.Steps), u.Seconds)
	notes := []string{text}
	for _, t := range u.Traffic {
		if t.Resent > 0 {
			notes = append(notes, fmt.Sprintf("%d messages of %s sent again", t.Resent, t.Name))
		}
		if t.NeverSent > 0 {
			notes = append(notes, fmt.Sprintf("%d requests of %s never sent", t.NeverSent, t.Name))
		}
	}
	if u.Forced {
		notes = append(notes, "FORCED")
	}
	if u.Again {
		notes = append(notes, "made again because "+strings.Join(u.Reasons, "; "))
	}
	return strings.Join(notes, ", ")
}

// describeStep is a step in one line.
func describeStep(s *report.UpgradeStep) string {
	text := fmt.Sprintf("%s %s %s -> %s: %.1f s, %d of %d requests failed, longest gap %.0f ms, something sent at least every %.0f ms, p99 at most %.1f ms (before %.1f ms)",
		s.Leg, s.Name, s.From, s.To, s.End-s.Start, s.Failed, s.Requests, s.LongestGapMillis, s.LongestSendGapMillis, s.P99Micros/1e3, s.BeforeP99Micros/1e3)
	if s.Failed > 0 {
		text += ": " + describeErrors(s.Errors)
	}
	return strings.Join(slices.Concat([]string{text}, s.Observed), "; ")
}
