package questions

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/labels"

	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/stage"
)

// rootNamespace is where a policy is for every namespace, unless meshConfig says another.
const rootNamespace = "istio-system"

// authorizationPolicy is what questions are made from of one.
type authorizationPolicy struct {
	Selector struct {
		MatchLabels map[string]string `json:"matchLabels"`
	} `json:"selector"`
	TargetRefs []any `json:"targetRefs"`
	Rules      []struct {
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
	} `json:"rules"`
}

type source struct {
	Principals, NotPrincipals, ServiceAccounts, Namespaces, NotNamespaces, RequestPrincipals, IPBlocks, RemoteIPBlocks []string
}

type operation struct {
	Methods, Paths, Hosts, Ports []string
}

// authorization asks each rule of a policy: by who it names and by others, for what it
// names and for what misses that by little.
func (m *maker) authorization(o *capture.Object) {
	var a authorizationPolicy
	if err := decode(o, &a); err != nil {
		m.branch(o, "spec", "it cannot be read: "+err.Error())
		return
	}
	if len(a.TargetRefs) > 0 {
		m.branch(o, "spec", "a policy for a target is not asked")
		return
	}
	places := m.selected(o, a.Selector.MatchLabels)
	if len(a.Rules) == 0 {
		m.branch(o, "rules", noPlace(places))
		for _, p := range places {
			m.ask(o, []string{"spec"}, "no rules", p, shape{path: "/"}, once)
		}
	}
	for i, rule := range a.Rules {
		name, field := fmt.Sprintf("rules[%d]", i), []string{"spec", "rules", strconv.Itoa(i)}
		m.branch(o, name, noPlace(places))
		var conditions []condition
		for _, to := range rule.To[:min(1, len(rule.To))] {
			conditions = to.Operation.conditions()
		}
		for _, when := range rule.When {
			header := strings.TrimSuffix(strings.TrimPrefix(when.Key, "request.headers["), "]")
			if header == when.Key || len(when.Values) == 0 {
				m.branch(o, name+".when "+when.Key, "only conditions on headers are asked")
				continue
			}
			conditions = append(conditions, glob(when.Values[0]).header(header, "when"))
		}
		for _, p := range places {
			m.takeAndMiss(o, field, name, p, conditions, once)
			for _, from := range rule.From {
				for _, asker := range m.callers(&from.Source, p) {
					p.asker = asker
					m.ask(o, append(slices.Clone(field), "from"), name+".from: by "+asker, p, take(shape{path: "/"}, conditions), once)
				}
				if f := from.Source; len(f.RequestPrincipals)+len(f.IPBlocks)+len(f.RemoteIPBlocks) > 0 {
					m.branch(o, name+".from", "a source by its token or address is not asked")
				}
			}
		}
	}
}

func noPlace(places []place) string {
	if len(places) == 0 {
		return "no way that is asked leads to what it selects"
	}
	return ""
}

// conditions are what a request must have for an operation.
func (op *operation) conditions() []condition {
	var all []condition
	if len(op.Paths) > 0 {
		all = append(all, glob(op.Paths[0]).path("to"))
	}
	if len(op.Methods) > 0 {
		all = append(all, matcher{Exact: &op.Methods[0]}.method("to"))
	}
	return all
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

// callers are a workload that a source names, and one that it does not.
func (m *maker) callers(s *source, p place) []string {
	if p.via != "" {
		return nil // from outside there is but one
	}
	named := func(w *stage.StandIn) bool {
		principal := "cluster.local/ns/" + w.Namespace + "/sa/" + w.ServiceAccount
		return slices.ContainsFunc(s.Principals, func(of string) bool { return like(of, principal) }) ||
			slices.ContainsFunc(s.Namespaces, func(of string) bool { return like(of, w.Namespace) }) ||
			slices.ContainsFunc(s.ServiceAccounts, func(of string) bool { return like(of, w.ServiceAccount) || like(of, w.Namespace+"/"+w.ServiceAccount) })
	}
	var all []string
	for _, holds := range []func(*stage.StandIn) bool{named, func(w *stage.StandIn) bool { return !named(w) }} {
		if asker := m.askerWith(holds); asker != "" {
			all = append(all, asker)
		}
	}
	return append(all, Client, Outside)
}

func like(pattern, text string) bool {
	ok, err := path.Match(strings.ReplaceAll(pattern, "/", "\x00"), strings.ReplaceAll(text, "/", "\x00"))
	return err == nil && ok
}

// selected are the ways to what a policy selects: a Service of each stand-in, and the
// hosts of the gateways.
func (m *maker) selected(o *capture.Object, selector map[string]string) []place {
	everywhere := o.Namespace() == rootNamespace
	var all []place
	for i := range m.services {
		s := &m.services[i]
		if len(s.ports) == 0 || !everywhere && s.object.Namespace() != o.Namespace() {
			continue
		}
		if slices.ContainsFunc(s.standIns, func(w *stage.StandIn) bool { return labels.SelectorFromSet(selector).Matches(labels.Set(w.Labels)) }) {
			all = append(all, s.place(m.askerIn(s.object.Namespace()), s.ports[0]))
		}
	}
	for _, e := range m.entrances {
		if (everywhere || e.Namespace == o.Namespace()) && labels.SelectorFromSet(selector).Matches(labels.Set(e.Labels)) {
			all = append(all, m.hostsBehind(e)...)
		}
	}
	return all
}

// hostsBehind are one way to each host that VirtualServices have behind a gateway.
func (m *maker) hostsBehind(e *stage.Entrance) []place {
	var all []place
	for _, o := range m.mesh.Of("VirtualService") {
		var vs virtualService
		if err := decode(o, &vs); err != nil {
			continue // said where its own branches are
		}
		routes, err := m.routes(o, &vs, nil)
		if err != nil {
			continue // a circle of delegates is refused before
		}
		several := slices.ContainsFunc(routes, func(r written) bool { return m.several(&r) })
		for _, gateway := range vs.Gateways {
			for _, host := range vs.Hosts {
				for _, p := range m.through(gateway, o.Namespace(), host) {
					if p.via == e.String() && !slices.ContainsFunc(all, func(q place) bool { return q.host == p.host }) {
						p.several = several
						all = append(all, p)
					}
				}
			}
		}
	}
	return all
}

// authentication asks without a token, with one that nobody issued, and with one of the
// rule's issuer.
func (m *maker) authentication(o *capture.Object) {
	var a authorizationPolicy
	if err := decode(o, &a); err != nil {
		m.branch(o, "spec", "it cannot be read: "+err.Error())
		return
	}
	places := m.selected(o, a.Selector.MatchLabels)
	rules, _ := o.Fields("spec", "jwtRules").([]any)
	for i, item := range rules {
		rule, _ := item.(map[string]any)
		issuer, _ := rule["issuer"].(string)
		audiences, _ := rule["audiences"].([]any)
		name, field := fmt.Sprintf("jwtRules[%d]", i), []string{"spec", "jwtRules", strconv.Itoa(i)}
		m.branch(o, name, noPlace(places))
		tokens := [][2]string{{"a token that nobody issued", foreign}}
		switch token, err := stage.Token(issuer, text(audiences)); {
		case err != nil:
			m.branch(o, name+" with a token of its issuer", err.Error())
		case rule["fromHeaders"] != nil || rule["fromParams"] != nil:
			m.branch(o, name+" with a token of its issuer", "tokens are only sent as Authorization: Bearer")
		default:
			tokens = append(tokens, [2]string{"a token of " + issuer, token})
		}
		for _, p := range places {
			m.ask(o, field, name+": no token", p, shape{path: "/"}, once)
			for _, token := range tokens {
				m.ask(o, field, name+": "+token[0], p, shape{path: "/", headers: map[string]string{"authorization": "Bearer " + token[1]}}, once)
			}
		}
	}
}

// text is the first of a list of texts, or nothing.
func text(list []any) string {
	if len(list) == 0 {
		return ""
	}
	first, _ := list[0].(string)
	return first
}

// foreign is a token of an issuer that no mesh trusts: {"alg":"none"}.{"iss":"nobody"}.
const foreign = "eyJhbGciOiJub25lIn0.eyJpc3MiOiJub2JvZHkifQ."
