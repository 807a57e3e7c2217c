package questions

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"istio-conformance/internal/rehearse/capture"
)

// gatewayRoute is what questions are made from of an HTTPRoute.
type gatewayRoute struct {
	ParentRefs []struct {
		Group, Kind, Namespace, Name, SectionName string
		Port                                      int32
	} `json:"parentRefs"`
	Hostnames []string `json:"hostnames"`
	Rules     []struct {
		Matches     []gatewayMatch `json:"matches"`
		BackendRefs []struct{ Name, Namespace string }
		Timeouts    struct{ Request string }
	} `json:"rules"`
}

type gatewayMatch struct {
	Path *struct {
		Type, Value string
	} `json:"path"`
	Method      string       `json:"method"`
	Headers     []namedMatch `json:"headers"`
	QueryParams []namedMatch `json:"queryParams"`
}

type namedMatch struct {
	Type, Name, Value string
}

// matcher is the same as Istio says it.
func (n namedMatch) matcher() matcher {
	if n.Type == "RegularExpression" {
		return matcher{Regex: &n.Value}
	}
	return matcher{Exact: &n.Value}
}

// httpRoute asks every branch by each of its parents.
func (m *maker) httpRoute(o *capture.Object) {
	var r gatewayRoute
	if err := decode(o, &r); err != nil {
		m.branch(o, "spec", "it cannot be read: "+err.Error())
		return
	}
	places := m.parents(o, &r)
	for i, rule := range r.Rules {
		matches := rule.Matches
		if len(matches) == 0 {
			matches = []gatewayMatch{{}}
		}
		for j, match := range matches {
			name, field := fmt.Sprintf("rules[%d]", i), []string{"spec", "rules", strconv.Itoa(i)}
			if len(rule.Matches) > 0 {
				name, field = fmt.Sprintf("%s.matches[%d]", name, j), append(field, "matches", strconv.Itoa(j))
			}
			conditions := match.conditions()
			why := unmade(conditions)
			if len(places) == 0 {
				why = "no parent of it is asked"
			}
			m.branch(o, name, why)
			if why != "" {
				continue
			}
			times := once
			if len(rule.BackendRefs) > 1 {
				times = manyTimes
			}
			for _, p := range places {
				p.several = m.toSeveral(o, &r)
				m.takeAndMiss(o, field, name, p, conditions, times)
				if j == 0 && times == once && len(rule.BackendRefs) > 0 {
					w := written{object: o, name: fmt.Sprintf("rules[%d]", i), field: []string{"spec", "rules", strconv.Itoa(i)}}
					m.slow(w, p, take(shape{path: "/"}, conditions), "timeouts", rule.Timeouts.Request)
				}
			}
		}
	}
}

// toSeveral says whether a rule leads to a Service of several kinds of pods.
func (m *maker) toSeveral(o *capture.Object, r *gatewayRoute) bool {
	for _, rule := range r.Rules {
		for _, ref := range rule.BackendRefs {
			namespace := ref.Namespace
			if namespace == "" {
				namespace = o.Namespace()
			}
			if s := m.serviceOf(ref.Name, namespace); s != nil && len(s.standIns) > 1 {
				return true
			}
		}
	}
	return false
}

// conditions are what a match of a rule wants.
func (g *gatewayMatch) conditions() []condition {
	var all []condition
	if g.Path != nil {
		path := g.Path.Value
		of := matcher{Exact: &path}
		switch g.Path.Type {
		case "RegularExpression":
			of = matcher{Regex: &path}
		case "", "PathPrefix":
			of = matcher{Prefix: &path}
		}
		c := of.path("path")
		if of.Prefix != nil && path != "/" {
			// A prefix of whole parts: more letters in the last part miss it.
			c.miss = func(s *shape) { s.path = strings.TrimSuffix(path, "/") + "z" }
		}
		all = append(all, c)
	}
	if g.Method != "" {
		all = append(all, matcher{Exact: &g.Method}.method("method"))
	}
	for _, h := range g.Headers {
		all = append(all, h.matcher().header(h.Name, "headers"))
	}
	for _, q := range g.QueryParams {
		all = append(all, q.matcher().query(q.Name, "queryParams"))
	}
	return all
}

// parents are the ways to a route: through the gateways that istiod makes, and to the
// Services that it is for.
func (m *maker) parents(o *capture.Object, r *gatewayRoute) []place {
	var all []place
	for _, parent := range r.ParentRefs {
		namespace := parent.Namespace
		if namespace == "" {
			namespace = o.Namespace()
		}
		if parent.Kind == "Service" {
			if s := m.serviceOf(parent.Name, namespace); s != nil && len(s.ports) > 0 {
				all = append(all, s.place(m.askerIn(o.Namespace()), s.ports[0]))
			}
			continue
		}
		all = append(all, m.listeners(parent.Name, namespace, parent.SectionName, parent.Port, r.Hostnames)...)
	}
	return all
}

// listeners are the ways through a Gateway of the Gateway API.
func (m *maker) listeners(name, namespace, section string, port int32, hosts []string) []place {
	var all []place
	for _, e := range m.entrances {
		if !e.Managed || e.Namespace != namespace || e.Labels["gateway.networking.k8s.io/gateway-name"] != name {
			continue
		}
		i := slices.IndexFunc(m.mesh.Of("Gateway"), func(o *capture.Object) bool {
			return o.Group() != "networking.istio.io" && o.Name() == name && o.Namespace() == namespace
		})
		if i < 0 {
			continue
		}
		g := m.mesh.Of("Gateway")[i]
		listeners, _ := g.Fields("spec", "listeners").([]any)
		for _, item := range listeners {
			l, _ := item.(map[string]any)
			own, _ := l["name"].(string)
			protocol, _ := l["protocol"].(string)
			if section != "" && own != section || port != 0 && number(l["port"]) != port {
				continue
			}
			scheme := map[string]string{"HTTP": "http", "HTTPS": "https"}[protocol]
			if scheme == "" {
				m.branch(g, "listeners "+own, "protocol "+protocol+" is not asked")
				continue
			}
			m.branch(g, "listeners "+own, "")
			all = append(all, hostsOf(l, hosts, place{asker: Outside, scheme: scheme, address: e.Name + "." + e.Namespace + ".svc.cluster.local", port: number(l["port"]), via: e.String()})...)
		}
	}
	return all
}

// hostsOf are the ways to a route's hosts that a listener takes.
func hostsOf(listener map[string]any, hosts []string, p place) []place {
	of, _ := listener["hostname"].(string)
	if of == "" {
		of = "*"
	}
	if len(hosts) == 0 {
		hosts = []string{"*"}
	}
	var all []place
	for _, host := range hosts {
		if p.host = common(of, host); p.host != "" {
			all = append(all, p)
		}
	}
	return all
}
