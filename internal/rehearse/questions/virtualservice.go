package questions

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/labels"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/rehearse/capture"
	"istio-conformance/internal/rehearse/stage"
)

// virtualService asks every branch by every way that leads to it.
func (m *maker) virtualService(o *capture.Object) error {
	var vs virtualService
	if err := decode(o, &vs); err != nil {
		return exitcode.Usagef("%s:%d: %s cannot be read: %w", o.File, o.Line, o, err)
	}
	if len(vs.Hosts) == 0 {
		return m.notAlone(o) // a delegate: it is asked where others lead to it
	}
	m.layer4(o, &vs, "tcp", vs.TCP)
	m.layer4(o, &vs, "tls", vs.TLS)
	routes, err := m.routes(o, &vs, nil)
	if err != nil {
		return err
	}
	places, why := m.placesOf(o, &vs, "http")
	for _, r := range routes {
		if len(places) == 0 {
			m.branch(r.object, r.name, why)
			continue
		}
		for _, p := range places {
			m.route(r, p)
		}
	}
	return nil
}

// written is a route with where it is written, and what leads to it.
type written struct {
	httpRoute
	object *capture.Object
	name   string
	field  []string
}

// routes are those of a VirtualService, with its delegates' in their place.
func (m *maker) routes(o *capture.Object, vs *virtualService, way []string) ([]written, error) {
	if slices.Contains(way, o.String()) {
		return nil, exitcode.Usagef("%s:%d: the delegates of VirtualServices go in a circle: %s; let the last one name its destinations itself", o.File, o.Line, strings.Join(append(way, o.String()), " -> "))
	}
	var all []written
	for i, r := range vs.HTTP {
		name, field := fmt.Sprintf("http[%d]", i), []string{"spec", "http", strconv.Itoa(i)}
		if r.Delegate == nil {
			all = append(all, written{r, o, name, field})
			continue
		}
		to := m.delegate(r.Delegate.Name, r.Delegate.Namespace, o.Namespace())
		if to == nil {
			m.branch(o, name, "its delegate is not in the capture")
			continue
		}
		var below virtualService
		if err := decode(to, &below); err != nil {
			return nil, exitcode.Usagef("%s:%d: %s cannot be read: %w", to.File, to.Line, to, err)
		}
		delegated, err := m.routes(to, &below, append(way, o.String()))
		if err != nil {
			return nil, err
		}
		for _, d := range delegated {
			d.Match = merged(r.Match, d.Match)
			all = append(all, d)
		}
	}
	return all, nil
}

func (m *maker) delegate(name, namespace, from string) *capture.Object {
	if namespace == "" {
		namespace = from
	}
	for _, o := range m.mesh.Of("VirtualService") {
		if o.Name() == name && o.Namespace() == namespace {
			return o
		}
	}
	return nil
}

// notAlone names a delegate's branches that nothing leads to, and refuses a circle of
// delegates that no root leads into.
func (m *maker) notAlone(o *capture.Object) error {
	var vs virtualService
	if err := decode(o, &vs); err != nil {
		return err
	}
	_, err := m.routes(o, &vs, nil)
	return err
}

// merged are the matches of a delegate below each of those that lead to it.
func merged(root, delegate []httpMatch) []httpMatch {
	if len(root) == 0 || len(delegate) == 0 {
		return append(slices.Clone(root), delegate...)
	}
	var all []httpMatch
	for _, r := range root {
		for _, d := range delegate {
			both := d
			if both.URI == nil {
				both.URI = r.URI
			}
			if both.Method == nil {
				both.Method = r.Method
			}
			both.Headers = map[string]matcher{}
			for _, of := range []map[string]matcher{r.Headers, d.Headers} {
				for name, value := range of {
					both.Headers[name] = value
				}
			}
			all = append(all, both)
		}
	}
	return all
}

// placesOf are the ways to the hosts of a VirtualService for its routes of a kind.
func (m *maker) placesOf(o *capture.Object, vs *virtualService, of string) (all []place, why string) {
	why = "nothing in the capture leads to its hosts"
	gateways := vs.Gateways
	if len(gateways) == 0 {
		gateways = []string{"mesh"}
	}
	for _, gateway := range gateways {
		for _, host := range vs.Hosts {
			if gateway != "mesh" {
				all = append(all, m.through(gateway, o.Namespace(), host, of)...)
				continue
			}
			s := m.serviceOf(host, o.Namespace())
			if s == nil {
				why = fmt.Sprintf("nothing stands for %s inside the mesh", host)
				continue
			}
			if len(s.first(of)) == 0 {
				why = fmt.Sprintf("no port of %s is for routes of %s", s.object, of)
			}
			for _, port := range s.first(of) {
				all = append(all, s.place(m.askerIn(o.Namespace()), port))
			}
		}
	}
	return all, why
}

// at is the place from which a match can be taken; why says why there is none.
func (m *maker) at(h *httpMatch, p place) (_ place, why string) {
	if len(h.Gateways) > 0 && (p.via == "") != slices.Contains(h.Gateways, "mesh") {
		return p, "another way leads to it"
	}
	if h.Port != 0 && h.Port != p.port {
		if p.via != "" {
			return p, fmt.Sprintf("port %d is another one", h.Port)
		}
		s := m.serviceOf(p.to, "")
		i := slices.IndexFunc(s.ports, func(of servicePort) bool { return of.number == h.Port && routes(of.scheme) == routes(p.scheme) })
		if i < 0 {
			return p, fmt.Sprintf("port %d of %s is none that such a route is for", h.Port, s.object)
		}
		p = s.place(p.asker, s.ports[i])
	}
	if h.Scheme != nil && routes(p.scheme) == "http" && !strings.EqualFold(h.Scheme.String(), "exact "+strings.Replace(p.scheme, "grpc", "http", 1)) {
		return p, "the scheme is another one"
	}
	if len(h.SourceLabels) > 0 || h.SourceNamespace != "" {
		if p.via != "" {
			return p, "only workloads of the mesh have labels"
		}
		p.asker = m.askerWith(func(s *stage.StandIn) bool {
			return labels.SelectorFromSet(h.SourceLabels).Matches(labels.Set(s.Labels)) && (h.SourceNamespace == "" || s.Namespace == h.SourceNamespace)
		})
		if p.asker == "" {
			return p, "no workload with a sidecar has its source's labels"
		}
	}
	return p, ""
}

func seconds(duration string) float64 {
	d, err := time.ParseDuration(duration)
	if err != nil {
		return 0
	}
	return d.Seconds()
}
