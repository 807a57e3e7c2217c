package charts

import (
	"slices"
	"testing"
)

// What Apply would put right is named, and nothing is changed by asking.
func TestDifferences(t *testing.T) {
	c, r := newFakeCluster(), demo()
	expect := func(want ...string) {
		t.Helper()
		got, err := c.Differences(t.Context(), r)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, want) {
			t.Errorf("differences %q, want %q", got, want)
		}
	}
	name := r.String()
	expect("release " + name + " is not installed")
	r.Values = table{"ports": table{"http": 8080}, "ratio": 0.5}
	if _, err := c.Apply(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	expect()
	r.Values = table{"ports": table{"http": 8081}, "more": "a\nb"}
	expect("value more of release "+name+" is none, want a b",
		"value ports.http of release "+name+" is 8080, want 8081",
		"value ratio of release "+name+" is 0.5, want none")
	r.Values = table{"ports": table{"http": "8080"}, "ratio": 0.5}
	expect("value ports.http of release " + name + " is 8080, want \"8080\"") // and not another chart
	r.Values = table{"ports": table{"http": 8080}, "ratio": 0.5}
	r.Chart = changedDemo(t)
	expect("release " + name + " has another chart: demo-1.0.0")
}
