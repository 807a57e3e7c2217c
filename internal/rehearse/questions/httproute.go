package questions

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"istio-conformance/internal/rehearse/capture"
)

// routeKinds are the kinds of routes of the Gateway API that are asked.
var routeKinds = []string{"HTTPRoute", "GRPCRoute", "TLSRoute", "TCPRoute"}

// gatewayRoute is what questions are made from of a route of the Gateway API.
type gatewayRoute struct {
	ParentRefs []struct {
		Group, Kind, Namespace, Name, SectionName string
		Port                                      int32
	} `json:"parentRefs"`
	Hostnames []string `json:"hostnames"`
	Rules     []rule   `json:"rules"`
}

type rule struct {
	Matches     []gatewayMatch           `json:"matches"`
	BackendRefs []backendRef             `json:"backendRefs"`
	Timeouts    struct{ Request string } `json:"timeouts"`
	Filters     []struct{ Type string }  `json:"filters"`
}

type backendRef struct{ Name, Namespace string }

func (b *backendRef) namespace(of *capture.Object) string { return cmp.Or(b.Namespace, of.Namespace()) }

type gatewayMatch struct {
	Path *struct {
		Type, Value string
	} `json:"path"`
	Method      method       `json:"method"`
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

// gatewayRoute asks every branch by each of its parents.
func (m *maker) gatewayRoute(o *capture.Object) {
	var r gatewayRoute
	if err := decode(o, &r); err != nil {
		m.branch(o, "spec", "it cannot be read: "+err.Error())
		return
	}
	places := m.parents(o, &r)
	for i := range r.Rules {
		matches := r.Rules[i].Matches
		if len(matches) == 0 {
			matches = []gatewayMatch{{}}
		}
		for j := range matches {
			name, field := fmt.Sprintf("rules[%d]", i), []string{"spec", "rules", strconv.Itoa(i)}
			if len(r.Rules[i].Matches) > 0 {
				name, field = fmt.Sprintf("%s.matches[%d]", name, j), append(field, "matches", strconv.Itoa(j))
			}
			conditions := matches[j].conditions(o.Kind())
			why := unmade(conditions)
			if len(places) == 0 {
				why = "no parent of it is asked"
			}
			m.branch(o, name, why)
			if why != "" {
				continue
			}
			for _, p := range places {
				m.rule(o, i, &r.Rules[i], field, name, p, conditions, j == 0)
			}
		}
	}
}

// rule asks a match of a rule from one place, and with its first match the rule's effects.
func (m *maker) rule(o *capture.Object, i int, r *rule, field []string, name string, p place, conditions []condition, first bool) {
	times := once
	if len(r.BackendRefs) > 1 {
		times = manyTimes
	}
	if routes(p.scheme) != "http" {
		m.byName(o, field, name, p, times)
		return
	}
	m.takeAndMiss(o, field, name, p, conditions, times)
	if !first {
		return
	}
	w, s := written{object: o, name: fmt.Sprintf("rules[%d]", i), field: []string{"spec", "rules", strconv.Itoa(i)}}, take(shape{path: "/"}, conditions)
	for k, filter := range r.Filters {
		if filter.Type == "RequestMirror" {
			// How many are mirrored is a field of the filter: it is always counted.
			m.mirrored(w, append(slices.Clone(w.field), "filters", strconv.Itoa(k)), p, s, manyTimes)
		}
	}
	if times == once && len(r.BackendRefs) > 0 {
		m.slow(w, p, s, "timeouts", r.Timeouts.Request)
	}
}

// conditions are what a match of a rule wants.
func (g *gatewayMatch) conditions(kind string) []condition {
	var all []condition
	if kind == "GRPCRoute" && g.Method != (method{}) {
		all = append(all, g.Method.call())
	}
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
	if g.Method.http != "" {
		all = append(all, matcher{Exact: &g.Method.http}.method("method"))
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
	of := cmp.Or(map[string]string{"TLSRoute": "tls", "TCPRoute": "tcp"}[o.Kind()], "http")
	for _, parent := range r.ParentRefs {
		namespace := cmp.Or(parent.Namespace, o.Namespace())
		if parent.Kind == "Service" {
			if s := m.serviceOf(parent.Name, namespace); s != nil {
				for _, port := range s.first(of) {
					all = append(all, s.place(m.askerIn(o.Namespace()), port))
				}
			}
			continue
		}
		all = append(all, m.listeners(parent.Name, namespace, parent.SectionName, parent.Port, r.Hostnames)...)
	}
	all = slices.DeleteFunc(all, func(p place) bool { return routes(p.scheme) != of })
	for i := range all {
		if o.Kind() == "GRPCRoute" {
			all[i].scheme = strings.Replace(all[i].scheme, "http", "grpc", 1)
		}
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
			secure, _ := l["tls"].(map[string]any)
			scheme := map[string]string{"HTTP": "http", "HTTPS": "https", "TCP": "tcp"}[protocol]
			if protocol == "TLS" && secure["mode"] == "Passthrough" {
				scheme = "tls"
			}
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
