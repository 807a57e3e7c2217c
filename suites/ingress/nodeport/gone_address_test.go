package nodeport

import (
	"net/netip"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestUnusedAddress(t *testing.T) {
	pod := func(ip string) corev1.Pod {
		return corev1.Pod{Status: corev1.PodStatus{PodIPs: []corev1.PodIP{{IP: ip}}}}
	}
	for _, c := range []struct {
		name, prefix, want string
		pods               []corev1.Pod
	}{
		{name: "the last", prefix: "10.244.1.0/24", want: "10.244.1.254"},
		{name: "of a range that is no whole number of bytes", prefix: "10.244.16.0/20", want: "10.244.31.254"},
		{name: "that no pod has", prefix: "10.244.1.0/24", want: "10.244.1.253", pods: []corev1.Pod{pod("10.244.1.254")}},
		{name: "none is left", prefix: "10.244.1.0/30", pods: []corev1.Pod{pod("10.244.1.0"), pod("10.244.1.1"), pod("10.244.1.2")}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := unused(netip.MustParsePrefix(c.prefix), c.pods)
			if c.want == "" && err == nil {
				t.Fatalf("got %s, want an error", got)
			}
			if c.want != "" && (err != nil || got.String() != c.want) {
				t.Errorf("got %s and error %v, want %s", got, err, c.want)
			}
		})
	}
}
