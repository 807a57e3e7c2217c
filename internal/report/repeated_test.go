package report

import (
	"slices"
	"testing"
)

// journeyOf is one repetition that lost some of 1000 requests.
func journeyOf(values string, verdict Verdict, failed int) Upgrade {
	return Upgrade{From: "1.30.0", To: "1.31.0", Journey: "in-place", Values: values, Verdict: verdict, Requests: 1000, Failed: failed, LongestGapMillis: float64(100 + failed)}
}

// madeAgain is a repetition that was no measurement and to be made again.
func madeAgain() Upgrade {
	u := journeyOf("recommended", VerdictInvalid, 0)
	u.Again = true
	return u
}

func TestRepeatedUpgrades(t *testing.T) {
	const name = "upgrade/1.30.0-to-1.31.0 in-place, "
	pass := journeyOf("recommended", VerdictPass, 0)
	for _, c := range []struct {
		name    string
		all     []Upgrade
		want    []string
		verdict Verdict
	}{
		{name: "nothing"},
		{name: "once", all: []Upgrade{pass, journeyOf("charts", VerdictPass, 1)}},
		{name: "a version that was only installed", all: []Upgrade{{From: "1.30.0", To: "1.31.0"}, {From: "1.30.0", To: "1.31.0"}}},
		{
			name: "no loss", all: []Upgrade{pass, pass}, verdict: VerdictPass,
			want: []string{name + "recommended values: 2 repetitions, 0 of 2000 requests failed, at most 78 % of such journeys lose any (95 % confidence), longest gap 100 ms"},
		},
		{
			name: "no loss in twenty", all: slices.Repeat([]Upgrade{pass}, 20), verdict: VerdictPass,
			want: []string{name + "recommended values: 20 repetitions, 0 of 20000 requests failed, at most 14 % of such journeys lose any (95 % confidence), longest gap 100 ms"},
		},
		{
			name: "measured only", verdict: VerdictPass,
			all:  []Upgrade{journeyOf("charts", VerdictPass, 9), journeyOf("charts", VerdictPass, 0), journeyOf("charts", VerdictPass, 3)},
			want: []string{name + "charts values: 3 repetitions, 12 of 3000 requests failed, in 2 of 3, each 0 to 9, median 3, longest gap 109 ms"},
		},
		{
			name: "some failed", all: []Upgrade{pass, journeyOf("recommended", VerdictFail, 1)}, verdict: VerdictFail,
			want: []string{name + "recommended values: 2 repetitions, 1 failed, 1 of 2000 requests failed, in 1 of 2, each 0 to 1, median 0, longest gap 101 ms"},
		},
		{
			name: "one did not go all the way", all: []Upgrade{pass, journeyOf("recommended", VerdictFail, 0)}, verdict: VerdictFail,
			want: []string{name + "recommended values: 2 repetitions, 1 failed, 0 of 2000 requests failed, longest gap 100 ms"},
		},
		{
			name: "an invalid one counts for nothing", verdict: VerdictInvalid,
			all:  []Upgrade{journeyOf("recommended", VerdictInvalid, 5), pass},
			want: []string{name + "recommended values: 2 repetitions, 1 no measurement, 0 of 1000 requests failed, at most 95 % of such journeys lose any (95 % confidence), longest gap 100 ms"},
		},
		{
			name: "one was made again", verdict: VerdictPass, all: []Upgrade{madeAgain(), pass},
			want: []string{name + "recommended values: 2 repetitions, 1 no measurement, 0 of 1000 requests failed, at most 95 % of such journeys lose any (95 % confidence), longest gap 100 ms"},
		},
		{
			name: "the one made again never was", verdict: VerdictInvalid, all: []Upgrade{pass, madeAgain()},
			want: []string{name + "recommended values: 2 repetitions, 1 no measurement, 0 of 1000 requests failed, at most 95 % of such journeys lose any (95 % confidence), longest gap 100 ms"},
		},
		{
			name: "nothing was measured", verdict: VerdictInvalid,
			all:  []Upgrade{journeyOf("recommended", VerdictInvalid, 0), journeyOf("recommended", VerdictInvalid, 0)},
			want: []string{name + "recommended values: 2 repetitions, 2 no measurement"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got []string
			for _, r := range RepeatedUpgrades(c.all) {
				got = append(got, r.Name+": "+r.Note())
				if r.Verdict != c.verdict {
					t.Errorf("verdict %s, want %s", r.Verdict, c.verdict)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}
