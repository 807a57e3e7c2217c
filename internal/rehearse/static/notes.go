package static

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/finding"
	"istio-conformance/internal/rehearse/notes"
)

// tests say which objects meet a note; fixtures/upgrade-notes.yaml names them.
var tests = map[string]func(*capture.Mesh) []*capture.Object{
	"route-without-backends":      routesWithoutBackends,
	"merged-into-managed-gateway": mergedIntoManaged,
	"gateway-with-parameters": gatewaysWith(func(o *capture.Object) bool {
		return o.Fields("spec", "infrastructure", "parametersRef") != nil
	}),
	"gateway-with-certificates": gatewaysWith(func(o *capture.Object) bool {
		return strings.Contains(fmt.Sprint(o.Fields("spec", "listeners")), "certificateRefs")
	}),
	"agentgateway": gatewaysWith(func(o *capture.Object) bool {
		return strings.HasPrefix(fmt.Sprint(o.Fields("spec", "gatewayClassName")), "istio-agentgateway")
	}),
	"backend-policy":          backendPolicies,
	"subset-without-tls-mode": rulesWith(subsetWithoutTLSMode),
	"failover-by-network": rulesWith(func(o *capture.Object) bool {
		return strings.Contains(fmt.Sprint(o.Fields("spec")), "topology.istio.io/network")
	}),
	"zone-aware-disabled": rulesWith(func(o *capture.Object) bool {
		enabled, set := dig(o.Fields("spec"), "trafficPolicy", "loadBalancer", "zoneAwareLbSetting", "enabled").(bool)
		return set && !enabled
	}),
}

// judgeNotes names the upgrade notes that this mesh meets.
func (r *rehearsal) judgeNotes(context.Context) error {
	for i := range r.notes {
		n := &r.notes[i]
		f := finding.Finding{Level: finding.Look, Rule: "note-" + n.Name, Why: n.Text, Link: n.Link}
		for _, release := range r.Mesh.Releases {
			if release.Chart != "istiod" || n.Env.Removed == "" {
				continue
			}
			if dig(release.Values, "pilot", "env", n.Env.Removed) != nil {
				removed := f
				removed.Level, removed.Why = finding.Breaks, fmt.Sprintf("istiod %s does not read this variable any more: %s", r.To, n.Text)
				r.add(at(removed, release, release.Place, "values", "pilot", "env", n.Env.Removed))
			}
		}
		if n.Env.Removed != "" {
			continue
		}
		f.Why = n.Sentence()
		switch test := tests[n.Objects]; {
		case n.Objects == "":
			f.Level = finding.Note
			if !r.restored(n) {
				r.add(f)
			}
		case test == nil:
			return fmt.Errorf("upgrade note %s: there is no test %q of objects", n.Name, n.Objects)
		case !r.restored(n):
			for _, o := range test(r.Mesh) {
				r.add(at(f, o, o.Place))
			}
		}
	}
	r.looked("%d upgrade notes of Istio", len(r.notes))
	return nil
}

// restored says whether the captured values keep the old behaviour.
func (r *rehearsal) restored(n *notes.Note) bool {
	key, value, found := strings.Cut(n.Env.Restores, "=")
	return found && slices.ContainsFunc(r.Mesh.Releases, func(release *capture.Release) bool {
		return release.Chart == "istiod" && fmt.Sprint(dig(release.Values, "pilot", "env", key)) == value
	})
}

func gatewaysWith(test func(*capture.Object) bool) func(*capture.Mesh) []*capture.Object {
	return func(m *capture.Mesh) []*capture.Object {
		return slices.DeleteFunc(m.Of("Gateway"), func(o *capture.Object) bool { return !ofGatewayAPI(o) || !test(o) })
	}
}

func rulesWith(test func(*capture.Object) bool) func(*capture.Mesh) []*capture.Object {
	return func(m *capture.Mesh) []*capture.Object {
		return slices.DeleteFunc(m.Of("DestinationRule"), func(o *capture.Object) bool { return !test(o) })
	}
}

func ofGatewayAPI(o *capture.Object) bool { return strings.HasPrefix(o.Group(), "gateway.networking.") }

// routesWithoutBackends are HTTPRoutes with a rule that neither forwards nor redirects.
func routesWithoutBackends(m *capture.Mesh) []*capture.Object {
	return slices.DeleteFunc(m.Of("HTTPRoute"), func(o *capture.Object) bool {
		rules, _ := o.Fields("spec", "rules").([]any)
		return !slices.ContainsFunc(rules, func(rule any) bool {
			backends, _ := dig(rule, "backendRefs").([]any)
			return len(backends) == 0 && !strings.Contains(fmt.Sprint(dig(rule, "filters")), "RequestRedirect")
		})
	})
}

// mergedIntoManaged are Gateways of Istio that select the pods of a Gateway of the
// Gateway API in another namespace.
func mergedIntoManaged(m *capture.Mesh) []*capture.Object {
	managed := map[string]string{}
	for _, o := range m.Of("Gateway") {
		if ofGatewayAPI(o) {
			managed[o.Name()] = o.Namespace()
		}
	}
	return slices.DeleteFunc(m.Of("Gateway"), func(o *capture.Object) bool {
		name, _ := dig(o.Fields("spec", "selector"), "gateway.networking.k8s.io/gateway-name").(string)
		namespace, found := managed[name]
		return ofGatewayAPI(o) || !found || namespace == o.Namespace()
	})
}

// backendPolicies are policies where a DestinationRule is in the same namespace.
func backendPolicies(m *capture.Mesh) []*capture.Object {
	return slices.DeleteFunc(append(m.Of("BackendTLSPolicy"), m.Of("XBackendTrafficPolicy")...), func(o *capture.Object) bool {
		return !slices.ContainsFunc(m.Of("DestinationRule"), func(rule *capture.Object) bool { return rule.Namespace() == o.Namespace() })
	})
}

func subsetWithoutTLSMode(o *capture.Object) bool {
	subsets, _ := o.Fields("spec", "subsets").([]any)
	return dig(o.Fields("spec"), "trafficPolicy", "tls", "mode") != nil && slices.ContainsFunc(subsets, func(s any) bool {
		return dig(s, "trafficPolicy") != nil && dig(s, "trafficPolicy", "tls", "mode") == nil
	})
}
