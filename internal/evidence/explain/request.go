package explain

import (
	"cmp"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"istio-conformance/internal/mesh/envoy"
)

// Request is what is asked about.
type Request struct {
	// Host and Path are asked for; a port in Host is the one that a sidecar sees.
	Host, Path string
	// Port is the one that the proxy listens on; for a sidecar 0 means the one of Host,
	// or 80.
	Port int
	// TLS says that the client speaks TLS and names Host in it.
	TLS bool
	// Outbound says that the proxy is a sidecar, and the request is its own pod's.
	Outbound bool
}

// Step is one part of the configuration on the request's way.
type Step struct {
	// What is listener, filter chain, policies, route, cluster or endpoints.
	What string `json:"what"`
	// Is names it, Object is what it was made of, as far as Envoy knows.
	Is     string `json:"is"`
	Object string `json:"object,omitempty"`
}

// Answer is a request's way.
type Answer struct {
	Steps []Step `json:"steps"`
	// Ends says where it ends.
	Ends string `json:"ends"`
	// Served says that it is sent to an endpoint, or answered as a route wants.
	Served bool `json:"served"`
}

func (a *Answer) step(what, object, format string, args ...any) {
	a.Steps = append(a.Steps, Step{what, fmt.Sprintf(format, args...), object})
}

func (a *Answer) end(format string, args ...any) *Answer {
	a.Ends = fmt.Sprintf(format, args...)
	return a
}

// Follow says which way a request takes through an Envoy whose config dump, with
// endpoints, is given. Conditions on anything but host and path count as not met.
func Follow(configDump []byte, r Request) (*Answer, error) {
	d, err := parse(configDump)
	if err != nil {
		return nil, err
	}
	a := &Answer{}
	if r.Path == "" {
		r.Path = "/"
	}
	r.Path, _, _ = strings.Cut(r.Path, "?")
	if r.Outbound {
		return d.outbound(a, r), nil
	}
	return d.inbound(a, r), nil
}

// inbound is the way through a gateway.
func (d *dump) inbound(a *Answer, r Request) *Answer {
	i := slices.IndexFunc(d.listeners, func(l listener) bool { return l.Address.Socket.Port == r.Port })
	if i < 0 {
		var ports []string
		for _, l := range d.listeners {
			ports = append(ports, strconv.Itoa(l.Address.Socket.Port))
		}
		return a.end("no listener has port %d (it has %s): connections are refused; no Gateway that istiod uses has the port", r.Port, strings.Join(ports, ", "))
	}
	l := d.listeners[i]
	a.step("listener", "", "%s", l.Name)
	if slices.ContainsFunc(l.Filters, func(f named) bool { return strings.HasSuffix(f.Name, "proxy_protocol") }) {
		a.step("listener filter", "", "reads the header of the PROXY protocol first: a connection without it is closed")
	}
	c := l.chain(r)
	if c == nil {
		return a.end("no filter chain of the listener takes %s: the connection is closed", map[bool]string{true: "TLS for the server name " + bareHost(r.Host), false: "plain text"}[r.TLS])
	}
	a.step("filter chain", c.Metadata.object(), "%s", c.describe())
	for _, f := range c.Filters {
		switch {
		case strings.HasSuffix(f.Name, "http_connection_manager"):
			if shut := policies(a, f.Config.HTTPFilters); shut != "" {
				return a.end("%s", shut)
			}
			t, found := d.tables[f.Config.RDS.Name]
			if f.Config.Routes != nil {
				t, found = *f.Config.Routes, true
			}
			if !found {
				return a.end("the route table %s is not there: it is still waited for", f.Config.RDS.Name)
			}
			return d.route(a, r, t)
		case strings.HasSuffix(f.Name, "tcp_proxy"):
			return d.cluster(a, f.Config.Cluster)
		}
	}
	return a.end("the filter chain passes nothing on")
}

// outbound is the way through a sidecar, of plain HTTP.
func (d *dump) outbound(a *Answer, r Request) *Answer {
	port := strconv.Itoa(cmp.Or(r.Port, 80))
	if _, p, err := net.SplitHostPort(r.Host); err == nil {
		port = p
	}
	names := slices.Sorted(maps.Keys(d.tables))
	i := slices.IndexFunc(names, func(name string) bool {
		return name == port || strings.HasSuffix(name, ":"+port) && strings.HasPrefix(name, bareHost(r.Host)+".")
	})
	if i < 0 {
		return a.end("the sidecar has no HTTP routes for port %s: it passes connections on by their address, as TCP", port)
	}
	return d.route(a, r, d.tables[names[i]])
}

func bareHost(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return host
}

// chain returns the filter chain that a connection takes: the one with the most specific
// server name. https://www.envoyproxy.io/docs/envoy/latest/api-v3/config/listener/v3/listener_components.proto
func (l listener) chain(r Request) *chain {
	var best *chain
	length := -1
	for i := range l.Chains {
		c := &l.Chains[i]
		if c.Match.Transport == "tls" && !r.TLS || c.Match.Transport == "raw_buffer" && r.TLS || len(c.Match.ServerNames) > 0 && !r.TLS {
			continue
		}
		fit := -1
		if len(c.Match.ServerNames) == 0 {
			fit = 0
		}
		for _, name := range c.Match.ServerNames {
			suffix, wild := strings.CutPrefix(name, "*")
			if name == bareHost(r.Host) || wild && strings.HasSuffix(bareHost(r.Host), suffix) {
				fit = max(fit, len(name))
			}
		}
		if fit > length {
			best, length = c, fit
		}
	}
	if best == nil {
		return l.Default
	}
	return best
}

func (c *chain) describe() string {
	text := "for every client"
	if len(c.Match.ServerNames) > 0 {
		text = "for the server names " + strings.Join(c.Match.ServerNames, ", ")
	}
	for _, s := range c.Socket.Config.Common.Secrets {
		text += ", certificate " + s.Name
	}
	if c.Socket.Config.Client {
		text += ", wants a client's certificate"
	}
	return text
}

// policies lists what may refuse the request before it is routed, and says where it ends
// if nothing can pass.
func policies(a *Answer, filters []httpFilter) (shut string) {
	for _, f := range filters {
		if rules := f.Config.Rules; rules != nil && strings.HasSuffix(f.Name, "rbac") {
			action := strings.ToUpper(cmp.Or(rules.Action, "ALLOW"))
			names := slices.Sorted(maps.Keys(rules.Policies))
			a.step("policies", strings.Join(names, ", "), "%s, if one of these fits", action)
			if action == "ALLOW" && len(names) == 0 {
				return "no policy allows anything: 403 RBAC: access denied"
			}
		}
		for _, name := range slices.Sorted(maps.Keys(f.Config.Providers)) {
			a.step("policies", "", "a token, if there is one, must be of issuer %s", f.Config.Providers[name].Issuer)
		}
	}
	return ""
}

// route finds the virtual host and the route.
func (d *dump) route(a *Answer, r Request, t table) *Answer {
	var hosts []envoy.VirtualHost
	for _, h := range t.Hosts {
		hosts = append(hosts, envoy.VirtualHost{Table: t.Name, Domains: h.Domains})
	}
	domain := cmp.Or(envoy.Serving(hosts, r.Host), envoy.Serving(hosts, bareHost(r.Host)))
	a.step("route table", "", "%s", t.Name)
	if domain == "" {
		return a.end("none of its %d virtual hosts has the host: 404 (NR)", len(t.Hosts))
	}
	i := slices.IndexFunc(hosts, func(h envoy.VirtualHost) bool {
		return slices.ContainsFunc(h.Domains, func(d string) bool { return strings.TrimSuffix(d, ":*") == domain })
	})
	h := t.Hosts[i]
	a.step("virtual host", "", "%s, by the domain %s, with %d routes", h.Name, domain, len(h.Routes))
	if h.TLS != "" && h.TLS != "NONE" && !r.TLS {
		a.Served = true
		return a.end("every plain request is redirected to https: 301")
	}
	for _, candidate := range h.Routes {
		if candidate.takes(r.Path) {
			return d.act(a, candidate)
		}
	}
	var conditional []string
	for _, candidate := range h.Routes {
		if len(candidate.Match.Headers)+len(candidate.Match.Parameters) > 0 {
			conditional = append(conditional, candidate.describe())
		}
	}
	note := ""
	if len(conditional) > 0 {
		note = "; with the right headers or parameters one of these may: " + strings.Join(conditional, "; ")
	}
	return a.end("none of its routes takes %s: 404 (NR)%s", r.Path, note)
}

// takes says whether a route takes a path, where it has no other conditions.
func (r route) takes(path string) bool {
	m := r.Match
	if len(m.Headers)+len(m.Parameters) > 0 {
		return false
	}
	switch {
	case m.Path != "":
		return path == m.Path
	case m.Separated != "":
		return path == m.Separated || strings.HasPrefix(path, m.Separated+"/")
	case m.Regex.Regex != "":
		fits, err := regexp.MatchString("^(?:"+m.Regex.Regex+")$", path)
		return err == nil && fits
	}
	return strings.HasPrefix(path, m.Prefix)
}

func (r route) describe() string {
	m := r.Match
	text := cmp.Or(m.Path, m.Separated, m.Regex.Regex, m.Prefix)
	if r.Name != "" {
		text = r.Name + " " + text
	}
	return text
}

// act follows what a route does.
func (d *dump) act(a *Answer, r route) *Answer {
	a.step("route", r.Metadata.object(), "%s", r.describe())
	if _, faulty := r.PerFilter["envoy.filters.http.fault"]; faulty {
		a.step("fault", r.Metadata.object(), "the route injects a fault into some or all requests")
	}
	switch {
	case r.Direct != nil:
		a.Served = true
		return a.end("the route answers %d itself", r.Direct.Status)
	case r.Redirect != nil:
		a.Served = true
		return a.end("the route redirects%s", map[bool]string{true: " to https"}[r.Redirect.HTTPS])
	case r.Route == nil:
		return a.end("the route does nothing that is known here")
	case r.Route.Timeout != "" && r.Route.Timeout != "0s":
		a.step("timeout", r.Metadata.object(), "%s, then 504", r.Route.Timeout)
	}
	if len(r.Route.Weighted.Clusters) == 0 {
		return d.cluster(a, r.Route.Cluster)
	}
	served := false
	for _, w := range r.Route.Weighted.Clusters {
		if w.Weight > 0 {
			a.step("weight", "", "%d: %s", w.Weight, w.Name)
			served = d.cluster(a, w.Name).Served || served
		}
	}
	a.Served = served
	return a
}

// cluster follows a cluster to its endpoints.
func (d *dump) cluster(a *Answer, name string) *Answer {
	a.Served = false
	c, found := d.clusters[name]
	if !found {
		return a.end("the cluster %s does not exist: 503 (NC)", name)
	}
	tls := "in plain text"
	if c.Socket != nil {
		tls = "over " + c.Socket.Name
	} else if len(c.Matches) > 0 {
		tls = "with mutual TLS to endpoints that have a sidecar"
	}
	a.step("cluster", c.Metadata.object(), "%s, %s", name, tls)
	switch {
	case name == "BlackHoleCluster":
		return a.end("BlackHoleCluster ends every connection")
	case c.Type != "EDS":
		a.Served = true
		return a.end("sent to where the cluster of type %s leads", cmp.Or(c.Type, "STATIC"))
	}
	var healthy, others []string
	for _, e := range d.endpoints[name] {
		if e.health == "" || e.health == "UNKNOWN" || e.health == "HEALTHY" {
			healthy = append(healthy, e.address)
		} else {
			others = append(others, e.address+" "+e.health)
		}
	}
	if len(healthy) == 0 {
		return a.end("it has no healthy endpoint%s: 503 (UH)", map[bool]string{true: " (" + strings.Join(others, ", ") + ")"}[len(others) > 0])
	}
	a.step("endpoints", "", "%s", strings.Join(healthy, ", "))
	a.Served = true
	return a.end("sent to one of %d endpoints", len(healthy))
}

// String is the way for people.
func (a *Answer) String() string {
	var b strings.Builder
	for _, s := range a.Steps {
		fmt.Fprintf(&b, "%-15s %s\n", s.What, s.Is)
		if s.Object != "" {
			fmt.Fprintf(&b, "%-15s   from %s\n", "", s.Object)
		}
	}
	mark := map[bool]string{true: " ✓", false: " ✗"}[a.Served]
	fmt.Fprintf(&b, "%s %s\n", mark, a.Ends)
	return b.String()
}
