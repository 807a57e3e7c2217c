package report

import (
	"strings"
	"testing"
)

// A rate that was not found is no rate of 0.
func TestLoadNoteOfACapacity(t *testing.T) {
	got := loadNote(Load{Kind: "capacity", Rate: 4500, Capacity: []Capacity{
		{Path: "gateway", Connections: 8, KneeRate: 4500}, {Path: "direct", Connections: 8, Reason: "the generator itself was late"},
	}})
	for _, want := range []string{"gateway holds 4500 requests/s on 8 connections", "the highest rate of direct on 8 connections was not found"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
}
