package upgrade

import (
	"context"
	"fmt"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/process/progress"
	"istio-conformance/internal/report"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/openloop"
	"istio-conformance/internal/traffic/openloop/gate"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
	"istio-conformance/suites/upgrade/installation"
	"istio-conformance/suites/upgrade/traffic"
)

const (
	// oldGateway is the release of the old version's gateway beside the new one's.
	oldGateway = "istio-ingressgateway-old"
	// spareNodePort takes the place of the port that the old gateway gets.
	spareNodePort = 31443
	// latencyProfile names how much load the comparison uses, in fixtures/load.yaml.
	latencyProfile = "beside"
	latencyTimeout = 20 * time.Minute
)

// latency compares the new version's gateway with the old one's, each with its own
// node port, in turn.
func latency(s *stack.Stack, o Options) check.Check {
	return check.Check{
		Name:    "gateway-latency",
		Promise: "the new version's gateway is not slower than the old one's, measured in pairs side by side",
		Timeout: latencyTimeout,
		SkipIf: func() string {
			if s.FromCell.Istio == s.Cell.Istio {
				return "both versions are " + s.Cell.Istio
			}
			return ""
		},
		Run: func(ctx context.Context, t *check.T) {
			c := beside(ctx, t, s, o, nil)
			if c.Verdict == report.VerdictInvalid || c.Verdict == report.VerdictInconclusive {
				t.SkipUnmeasured(c.Verdict, c.Reasons...)
			}
			t.Diagnose("requests through the new version's gateway take longer than through the old one's", "compare the two gateways' resources, configuration and release notes", "")
			t.Expect(c.Reasons).To(gomega.BeEmpty(), "%s", c.Verdict)
		},
	}
}

// slowerGateway is a new gateway that waits with every request: the comparison
// must say so.
func slowerGateway(s *stack.Stack, o Options) check.Check {
	return check.Check{
		Name: "gateway-slower", Feature: "upgrade", Timeout: latencyTimeout,
		Promise: "a new gateway that adds 5 ms to every request is found slower than the old one",
		Run: func(ctx context.Context, t *check.T) {
			c := beside(ctx, t, s, o, func() { mutation.SlowGateway(ctx, t, s) })
			t.Expect(c.Verdict).To(gomega.Equal(report.VerdictFail), "%s", c)
			t.Expect(c.Reasons[0]).To(gomega.ContainSubstring("p50"), "why the new gateway is refused")
		},
	}
}

// beside installs both gateways, changes the new one if it is wanted, measures
// both and takes the old one away in the end.
func beside(ctx context.Context, t *check.T, s *stack.Stack, o Options, change func()) *gate.Comparison {
	m := installation.New(s, o.Values[0])
	t.Diagnose("the two gateways do not come up side by side", "look at the pods of the gateways' namespace in the evidence", "")
	t.Expect(m.Begin(ctx, installation.Plain, s.Cell.Istio)).To(gomega.Succeed())
	t.CleanupWithin(ctx, installation.RolloutTimeout, func(ctx context.Context) {
		t.Expect(s.Helm.Uninstall(ctx, s.Gateway.Namespace, oldGateway, installation.RolloutTimeout)).To(gomega.Succeed())
		t.Expect(m.Apply(ctx, "gateway", s.Cell.Istio, nil)).To(gomega.Succeed())
	})
	old, err := sideBySide(ctx, m)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	if change != nil {
		change()
	}
	c, err := compare(ctx, "http://"+old, s.GatewayURL(), t.Say)
	t.Diagnose("the load generator could not measure", "its message says why", "")
	t.Expect(err).NotTo(gomega.HaveOccurred())
	if change == nil {
		// What was slowed on purpose is no measurement of the run's.
		t.RecordLoad(c.Report())
	}
	t.Observe("%s", c)
	return c
}

// compare measures both gateways in pairs.
func compare(ctx context.Context, old, new string, say progress.Logf) (*gate.Comparison, error) {
	rules, err := gate.DefaultRules()
	if err != nil {
		return nil, err
	}
	profile := rules.Profiles[latencyProfile]
	return gate.Compare(ctx, gate.Plan{
		Name: "gateway-new-vs-old", Kind: gate.Ratio, Rules: rules.With(profile),
		Baseline:  openloop.Path{Name: "old", URL: old + "/", Host: traffic.AppHost, Protocol: openloop.HTTP1},
		Candidate: openloop.Path{Name: "new", URL: new + "/", Host: traffic.AppHost, Protocol: openloop.HTTP1},
		Block:     openloop.Config{Connections: profile.Connections, Schedule: profile.Schedule(), NoRealtime: true},
		Within:    profile.Within(),
		Logf:      say,
	})
}

// sideBySide installs the old version's gateway beside the new one's, with the
// node port that the new one has for TLS, and returns its address.
func sideBySide(ctx context.Context, m *installation.Mesh) (string, error) {
	moved := map[string]any{"service": map[string]any{"ports": []any{
		port("status-port", 15021, stack.StatusNodePort), port("http2", 80, stack.HTTPNodePort), port("https", 443, spareNodePort),
	}}}
	if err := m.Apply(ctx, "gateway", m.Stack.Cell.Istio, moved); err != nil {
		return "", err
	}
	set := m.Stack.From
	old, err := m.Release("gateway", m.Stack.FromCell.Istio, map[string]any{
		// Its own Service must not lead to the other gateway's pods, and both must
		// serve the same Gateway resources.
		"labels":         map[string]any{"app": oldGateway, "istio": "ingressgateway"},
		"service":        map[string]any{"ports": []any{port("http2", 80, stack.HTTPSNodePort)}},
		"podAnnotations": map[string]any{"sidecar.istio.io/proxyImage": set.Hub + "/proxyv2:" + set.Tag},
	})
	if err != nil {
		return "", err
	}
	old.Name = oldGateway
	if err := installOld(ctx, m, old); err != nil {
		return "", err
	}
	address, err := m.Stack.GatewayAddress(stack.HTTPSNodePort, "")
	if err != nil {
		return "", err
	}
	return address, kit.Until(ctx, installation.SettleTimeout, func(ctx context.Context) error {
		for _, url := range []string{m.Stack.GatewayURL(), "http://" + address} {
			if r := probe.HTTP(ctx, probe.Request{URL: url, Host: traffic.AppHost, Timeout: installation.RequestTimeout}); r.Status != 200 {
				return fmt.Errorf("gateway at %s: want status 200, got %s", url, r)
			}
		}
		return nil
	})
}

// installOld makes sure that the old gateway runs the old proxy.
func installOld(ctx context.Context, m *installation.Mesh, old charts.Release) error {
	if _, err := m.Stack.Helm.Apply(ctx, old); err != nil {
		return err
	}
	pods, err := m.Stack.ReadyPods(ctx, old.Namespace, "app="+oldGateway)
	if err != nil {
		return err
	}
	for i := range pods {
		if v := installation.ProxyVersion(&pods[i]); v != m.Stack.FromCell.Istio {
			return fmt.Errorf("the old gateway's pod %s/%s runs the proxy of Istio %s, want %s", old.Namespace, pods[i].Name, v, m.Stack.FromCell.Istio)
		}
	}
	if len(pods) == 0 {
		return fmt.Errorf("the old gateway has no ready pod")
	}
	return nil
}

func port(name string, number, nodePort int) map[string]any {
	return map[string]any{"name": name, "port": number, "targetPort": number, "nodePort": nodePort, "protocol": "TCP"}
}
