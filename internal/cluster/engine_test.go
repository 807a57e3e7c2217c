package cluster

import (
	"slices"
	"testing"
)

func TestNodeVolumes(t *testing.T) {
	// What podman 4.3.1 prints, shortened.
	const listed = `[{"Name": "49ea", "Driver": "local", "Labels": {"main-control-plane": "true"}},
{"Name": "a097", "Labels": {"main-worker2": "true"}}, {"Name": "b1", "Labels": {"main-x-worker": "true"}},
{"Name": "b2", "Labels": {"remain-worker": "true"}}, {"Name": "b3", "Labels": {}}]`
	if got, err := nodeVolumes(listed, "main"); err != nil || !slices.Equal(got, []string{"49ea", "a097"}) {
		t.Errorf("got %v, %v", got, err)
	}
	if got, err := nodeVolumes("\n", "main"); err != nil || got != nil {
		t.Errorf("nothing: got %v, %v", got, err)
	}
	if _, err := nodeVolumes("VOLUME NAME", "main"); err == nil {
		t.Error("a table is accepted")
	}
}
