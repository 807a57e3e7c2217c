package engine

import "testing"

func TestOthersCame(t *testing.T) {
	before := []string{"lo", "eth0"}
	for _, c := range []struct {
		now  []string
		want bool
	}{
		{[]string{"lo", "eth0"}, false}, {[]string{"lo", "eth0", "docker0", "br-1db16a01a596"}, false},
		{[]string{"lo", "eth0", "docker0", "podman1"}, true}, {[]string{"lo"}, false},
	} {
		if got := othersCame(before, c.now); got != c.want {
			t.Errorf("%v: got %t", c.now, got)
		}
	}
}
