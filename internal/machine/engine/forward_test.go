package engine

import "testing"

func TestDropsForwarded(t *testing.T) {
	for rules, want := range map[string]bool{
		"-P FORWARD ACCEPT\n": false,
		"-P FORWARD DROP\n-A FORWARD -m comment --comment \"netavark firewall plugin rules\" -j NETAVARK_FORWARD\n": true,
		"-P FORWARD DROP\n-A FORWARD -j ACCEPT\n": false,
		"": false,
	} {
		if got := dropsForwarded(rules); got != want {
			t.Errorf("%q: got %t, want %t", rules, got, want)
		}
	}
}
