package questions

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/stage"
)

// rootNamespace is where a policy is for every namespace, unless meshConfig says another.
const rootNamespace = "istio-system"

// authorizationPolicy is what questions are made from of one, and of a
// RequestAuthentication which it is for.
type authorizationPolicy struct {
	Selector struct {
		MatchLabels map[string]string `json:"matchLabels"`
	} `json:"selector"`
	TargetRef  any          `json:"targetRef"`
	TargetRefs []any        `json:"targetRefs"`
	Action     string       `json:"action"`
	Rules      []policyRule `json:"rules"`
}

type policyRule struct {
	From []struct {
		Source source `json:"source"`
	} `json:"from"`
	To []struct {
		Operation operation `json:"operation"`
	} `json:"to"`
	When []struct {
		Key    string   `json:"key"`
		Values []string `json:"values"`
	} `json:"when"`
}

// policy reads one; nil where it cannot be asked, which is said.
func (m *maker) policy(o *capture.Object) *authorizationPolicy {
	var a authorizationPolicy
	err := decode(o, &a)
	switch {
	case err != nil:
		m.branch(o, "spec", "it cannot be read: "+err.Error())
		return nil
	case a.TargetRef != nil || len(a.TargetRefs) > 0:
		m.branch(o, "spec", "a policy for a target is not asked")
		return nil
	}
	return &a
}

// authorization asks each rule of a policy: by who it names and by others, for what it
// names and for what misses that by little.
func (m *maker) authorization(o *capture.Object) {
	a := m.policy(o)
	if a == nil {
		return
	}
	if a.Action == "CUSTOM" {
		m.branch(o, "action CUSTOM", "a stand-in answers in the place of the authorizer")
	}
	places := m.selected(o, a.Selector.MatchLabels)
	if len(a.Rules) == 0 {
		m.branch(o, "rules", noPlace(places))
		for _, p := range places {
			m.ask(o, []string{"spec"}, "no rules", p, shape{path: "/"}, once)
		}
	}
	for i := range a.Rules {
		name, field := fmt.Sprintf("rules[%d]", i), []string{"spec", "rules", strconv.Itoa(i)}
		m.branch(o, name, noPlace(places))
		if len(places) > 0 {
			m.policyRule(o, name, field, &a.Rules[i], places)
		}
	}
}

// policyRule asks a rule for each of its operations.
func (m *maker) policyRule(o *capture.Object, name string, field []string, r *policyRule, places []place) {
	var when []condition
	for _, w := range r.When {
		header := strings.TrimSuffix(strings.TrimPrefix(w.Key, "request.headers["), "]")
		if header == w.Key || len(w.Values) == 0 {
			m.branch(o, name+".when "+w.Key, "only conditions on headers are asked")
			continue
		}
		when = append(when, glob(w.Values[0]).header(header, "when"))
	}
	for k := range max(1, len(r.To)) {
		of, conditions := name, when
		if len(r.To) > 0 {
			op := &r.To[k].Operation
			conditions = append(op.conditions(), when...)
			if len(r.To) > 1 {
				of = fmt.Sprintf("%s.to[%d]", name, k)
				m.branch(o, of, "")
			}
			if len(op.Hosts)+len(op.NotHosts)+len(op.Ports)+len(op.NotPorts) > 0 {
				m.branch(o, fmt.Sprintf("%s.to[%d] by host or port", name, k), "hosts and ports of an operation are not chosen")
			}
		}
		for _, p := range places {
			m.callers(o, field, of, r, p, conditions)
		}
	}
}

// callers ask an operation, each source by a workload that it names and by one that it
// does not. What misses the operation is asked by one that is named.
func (m *maker) callers(o *capture.Object, field []string, name string, r *policyRule, p place, conditions []condition) {
	if p.via != "" || len(r.From) == 0 {
		m.takeAndMiss(o, field, name, p, conditions, once) // from outside there is but one
		return
	}
	for i := range r.From {
		s := &r.From[i].Source
		by := p
		by.asker = m.askerWith(s.names)
		if by.asker == "" && s.byIdentity() && s.names(&stage.StandIn{Namespace: ClientNamespace, ServiceAccount: "default"}) {
			by.asker = Client
		}
		switch {
		case by.asker != "":
			m.takeAndMiss(o, field, name, by, conditions, once)
		case s.byIdentity():
			m.branch(o, fmt.Sprintf("%s.from[%d]", name, i), "no workload with a sidecar is whom it names")
		}
		for _, asker := range []string{by.asker, m.askerWith(func(w *stage.StandIn) bool { return !s.names(w) }), Client, Outside} {
			if by.asker = asker; asker != "" {
				m.ask(o, append(slices.Clone(field), "from"), name+".from: by "+asker, by, take(shape{path: "/"}, conditions), once)
			}
		}
		if s.byOther() {
			m.branch(o, fmt.Sprintf("%s.from[%d] by token or address", name, i), "a source by its token or address is not asked")
		}
	}
}

func noPlace(places []place) string {
	if len(places) == 0 {
		return "no way that is asked leads to what it selects"
	}
	return ""
}

// glob is a text that may begin or end with "*", as policies have them, for a matcher.
func glob(text string) matcher {
	switch {
	case strings.HasPrefix(text, "*") && len(text) > 1:
		end := "/any" + text[1:]
		return matcher{Exact: &end}
	case strings.HasSuffix(text, "*"):
		begin := strings.TrimSuffix(text, "*")
		return matcher{Prefix: &begin}
	}
	return matcher{Exact: &text}
}

// selected are the ways to what a policy selects: a Service of each stand-in, and the
// hosts of the gateways.
func (m *maker) selected(o *capture.Object, selector map[string]string) []place {
	everywhere := o.Namespace() == rootNamespace
	var all []place
	for i := range m.services {
		s := &m.services[i]
		if len(s.ports) == 0 || s.external || !everywhere && s.object.Namespace() != o.Namespace() {
			continue
		}
		if slices.ContainsFunc(s.standIns, func(w *stage.StandIn) bool { return labels.SelectorFromSet(selector).Matches(labels.Set(w.Labels)) }) {
			all = append(all, s.place(m.askerIn(s.object.Namespace()), s.asked()))
		}
	}
	for _, e := range m.entrances {
		if (everywhere || e.Namespace == o.Namespace()) && labels.SelectorFromSet(selector).Matches(labels.Set(e.Labels)) {
			all = append(all, m.hostsBehind(e)...)
		}
	}
	return all
}

// hostsBehind are one way to each host that routes have behind a gateway.
func (m *maker) hostsBehind(e *stage.Entrance) []place {
	var all []place
	add := func(places []place) {
		for _, p := range places {
			if p.via == e.String() && !slices.ContainsFunc(all, func(q place) bool { return q.host == p.host }) {
				all = append(all, p)
			}
		}
	}
	for _, o := range m.mesh.Of("VirtualService") {
		var vs virtualService
		if err := decode(o, &vs); err != nil {
			continue // said where its own branches are
		}
		for _, gateway := range vs.Gateways {
			for _, host := range vs.Hosts {
				add(m.through(gateway, o.Namespace(), host, "http"))
			}
		}
	}
	for _, kind := range routeKinds {
		for _, o := range m.mesh.Of(kind) {
			var r gatewayRoute
			if err := decode(o, &r); err == nil { // else said where its own branches are
				add(m.parents(o, &r))
			}
		}
	}
	return all
}
