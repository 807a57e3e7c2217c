package report

import (
	"strings"
	"testing"
)

// A rate that was not found is no rate of 0.
func TestLoadNoteOfACapacity(t *testing.T) {
	l := Load{Kind: "capacity", Rate: 4500, Capacity: []Capacity{
		{Path: "gateway", Connections: 8, KneeRate: 4500}, {Path: "direct", Connections: 8, Reason: "the generator itself was late"},
	}}
	got := l.Note()
	for _, want := range []string{"gateway holds 4500 requests/s on 8 connections", "the highest rate of direct on 8 connections was not found"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
}

// An interval that nothing was computed for is none of 0 to 0.
func TestLoadNoteOfTooFewRounds(t *testing.T) {
	added := Load{Kind: "added", Rate: 500, Quantiles: []Quantile{{Q: 0.5, AddedMicros: 319, LimitMicros: 1000}}}
	ratio := Load{Kind: "ratio", Rate: 500, Quantiles: []Quantile{{Q: 0.5, Ratio: 1.2, Limit: 1.1}}}
	if got := added.Note(); !strings.Contains(got, "p50 +319 us, limit 1000") {
		t.Error(got)
	}
	if got := ratio.Note(); !strings.Contains(got, "p50 ratio 1.20, limit 1.10") {
		t.Error(got)
	}
	added.Quantiles[0].AddedLowMicros, added.Quantiles[0].AddedHighMicros = -20, 400
	if got := added.Note(); !strings.Contains(got, "p50 +319 us [-20, 400], limit 1000") {
		t.Error(got)
	}
}
