package verify

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(versions)

// versions asks istiod and, through it, every proxy what they are.
func versions(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "versions-and-sync",
		Promise:  "istiod and every proxy that reports a version report the installed one, and every proxy has accepted all that istiod sent it",
		Parallel: true,
		Run: func(ctx context.Context, t *check.T) {
			for _, pod := range kit.IstiodPods(ctx, t, s) {
				t.Diagnose("istiod does not report the version of its chart",
					"compare the image's tag with what pilot-discovery version prints in the pod", "https://istio.io/latest/docs/reference/commands/pilot-discovery/#pilot-discovery-version")
				port := kit.Forward(ctx, t, s, pod, kit.IstiodMonitoring)
				response := probe.HTTP(ctx, probe.Request{URL: fmt.Sprintf("http://127.0.0.1:%d/version", port), Timeout: 10 * time.Second})
				t.Expect(response.Status).To(gomega.Equal(200), "pod %s port %d: %s", pod.Name, kit.IstiodMonitoring, response)
				t.Expect(istiodVersion(response.Body)).To(gomega.HavePrefix(s.Cell.Istio), "version of pod %s", pod.Name)
			}
			states := kit.ProxyStates(ctx, t, s)
			t.Diagnose("a proxy did not get or did not accept istiod's configuration, or is of another version than was installed",
				"restart a proxy of another version: kubectl rollout restart; for one that is not synced look at its log for NACKs and at istiod's /debug/syncz in the evidence",
				"https://istio.io/latest/docs/ops/diagnostic-tools/proxy-cmd/")
			seen, silent := 0, []string{}
			t.Eventually(ctx, func() ([]string, error) {
				proxies, err := states()
				seen = len(proxies)
				var flaws []string
				silent = nil
				for _, p := range proxies {
					switch {
					case p.Unversioned():
						silent = append(silent, p.ID)
					case p.IstioVersion != s.Cell.Istio:
						flaws = append(flaws, fmt.Sprintf("%s is of version %s, want %s", p.ID, p.IstioVersion, s.Cell.Istio))
					}
					for _, reason := range p.Unsynced() {
						flaws = append(flaws, p.ID+": "+reason)
					}
				}
				if seen == 0 {
					flaws = append(flaws, "no proxy is connected to istiod")
				}
				return flaws, err
			}).Should(gomega.BeEmpty())
			t.Observe("%d proxies are synced, %d of them of version %s", seen, seen-len(silent), s.Cell.Istio)
			for _, id := range silent {
				t.Observe("%s: no version reported; its image was built without one", id)
			}
		},
	}
}

// istiodVersion is the version in the answer of istiod's /version, which is
// "<version>-<revision>-<status>" or, since 1.30, JSON.
func istiodVersion(body []byte) string {
	var info struct {
		Version string `json:"version"`
	}
	if err := json.Unmarshal(body, &info); err == nil && info.Version != "" {
		return info.Version
	}
	return strings.TrimSpace(string(body))
}
