package explain

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"istio-conformance/internal/mesh/envoy"
)

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
