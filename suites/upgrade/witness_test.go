package upgrade

import (
	"testing"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/internal/report"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/upgrade/installation"
)

func TestWitnessSaysWhoLostARequest(t *testing.T) {
	g := gomega.NewWithT(t)
	pod := func(name, ip string) corev1.Pod {
		return corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: name},
			Spec:       corev1.PodSpec{InitContainers: []corev1.Container{{Name: kit.ProxyContainer, Image: "proxyv2:1.31.0"}}},
			Status:     corev1.PodStatus{PodIP: ip},
		}
	}
	gateway, callee := pod("gateway-a", "10.0.0.1"), pod("callee-b", "10.0.0.2")
	callee.DeletionTimestamp = &metav1.Time{Time: time.Date(2026, 11, 25, 17, 0, 30, 0, time.UTC)}
	all := []corev1.Pod{gateway, callee}
	const log = `{"start_time":"2026-11-25T17:00:01.0Z","authority":"upgrade-probe-x.upgrade.test","path":"/","response_code":404,"response_flags":"NR","request_id":"d"}
2026-11-25T17:00:00Z info Envoy proxy is ready
{"start_time":"2026-11-25T17:00:01.5Z","authority":"app.upgrade.test","path":"/","response_code":200,"response_flags":"-","request_id":"a"}
{"start_time":"2026-11-25T17:00:02.5Z","authority":"app.upgrade.test","path":"/","response_code":503,"response_flags":"UC","response_code_details":"upstream_reset","duration":7,"upstream_host":"10.0.0.2:8080","request_id":"b"}
{"start_time":"2026-11-25T17:00:02.55Z","authority":"app.upgrade.test","path":"/","response_code":503,"response_flags":"UC","response_code_details":"upstream_reset","duration":9,"upstream_host":"10.0.0.2:8080","request_id":"g"}
{"start_time":"2026-11-25T17:00:02.4Z","authority":"app.upgrade.test","path":"/","response_code":503,"response_flags":"-","response_code_details":"via_upstream","request_id":"f"}
{"start_time":"2026-11-25T17:00:02.6Z","authority":"app.upgrade.test","path":"/","response_code":503,"response_flags":"UF","response_code_details":"x","upstream_host":"10.0.0.9:8080","upstream_transport_failure_reason":"refused","request_id":"c"}
{"start_time":"2026-11-25T17:00:02.7Z","authority":"callee.ns","path":"/","response_code":0,"response_flags":"DC","response_code_details":"downstream_remote_disconnect","request_id":"e"}
`
	w := &witness{mesh: &installation.Mesh{Stack: &stack.Stack{Namespace: "ns"}}, heard: map[string]bool{}, done: make(chan struct{})}
	close(w.done)
	w.take(&gateway, log, all)
	w.take(&gateway, log, all) // logs are read again
	g.Expect(w.statements()).To(gomega.Equal([]string{
		"a proxy logged: 17:00:02.500 gateway-a (1.31.0): app.upgrade.test/ answered 503 UC (upstream_reset) after 7 ms, upstream 10.0.0.2:8080 of callee-b, being ended until 17:00:30; 2 such until 17:00:02.550",
		"a proxy logged: 17:00:02.600 gateway-a (1.31.0): app.upgrade.test/ answered 503 UF (x) after 0 ms, upstream 10.0.0.9:8080, of no pod that is there: refused",
		"a proxy logged: 17:00:02.700 gateway-a (1.31.0): callee.ns/ answered 0 DC (downstream_remote_disconnect) after 0 ms",
		"a proxy logged: 17:00:02.400 gateway-a (1.31.0): app.upgrade.test/ answered 503  (via_upstream) after 0 ms",
	}), "who made an answer comes before who passed one on")
}

func TestVerdictQuotesWitnesses(t *testing.T) {
	g := gomega.NewWithT(t)
	u, steps := whole()
	u.Witnesses = []string{"a", "b", "c", "d"}
	fail(u, 4, 1, "http 503 UC")
	Finish(u, steps, false)
	g.Expect(u.Verdict).To(gomega.Equal(report.VerdictFail))
	g.Expect(u.Reasons[1:]).To(gomega.Equal([]string{"a", "b", "c"}))
}
