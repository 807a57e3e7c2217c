package explain

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"slices"
	"strconv"
	"strings"
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
	secrets := make([]string, 0, len(c.Socket.Config.Common.Secrets))
	for _, s := range c.Socket.Config.Common.Secrets {
		secrets = append(secrets, s.Name)
	}
	if len(secrets) > 0 {
		text += ", certificate " + strings.Join(secrets, ", ")
	}
	if c.Socket.Config.Client {
		text += ", wants a client's certificate"
	}
	return text
}

// never says whether a policy fits no request: istiod makes such a one of a policy
// without rules.
func never(policy json.RawMessage) bool {
	var p struct {
		Permissions []struct {
			Not struct {
				Any bool `json:"any"`
			} `json:"not_rule"`
		} `json:"permissions"`
	}
	return json.Unmarshal(policy, &p) == nil && len(p.Permissions) == 1 && p.Permissions[0].Not.Any
}

// policies lists what may refuse the request before it is routed, and says where it ends
// if nothing can pass.
func policies(a *Answer, filters []httpFilter) (shut string) {
	for _, f := range filters {
		if rules := f.Config.Rules; rules != nil && strings.HasSuffix(f.Name, "rbac") {
			action := strings.ToUpper(cmp.Or(rules.Action, "ALLOW"))
			names := slices.Sorted(maps.Keys(rules.Policies))
			a.step("policies", strings.Join(names, ", "), "%s, if one of these fits", action)
			names = slices.DeleteFunc(names, func(name string) bool { return never(rules.Policies[name]) })
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
