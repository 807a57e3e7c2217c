package questions

import (
	"fmt"
	"slices"
	"strconv"

	"istio-conformance/internal/rehearse/capture"
)

// layer4 asks the routes of a VirtualService for bytes (tcp), or for TLS that is passed
// through (tls), by every way that leads to its hosts.
func (m *maker) layer4(o *capture.Object, vs *virtualService, of string, all []l4Route) {
	if len(all) == 0 {
		return
	}
	places, why := m.placesOf(o, vs, of)
	for i, r := range all {
		matches := r.Match
		if len(matches) == 0 {
			matches = []l4Match{{}}
		}
		for j := range matches {
			name, field := fmt.Sprintf("%s[%d]", of, i), []string{"spec", of, strconv.Itoa(i)}
			if len(r.Match) > 0 {
				name, field = fmt.Sprintf("%s.match[%d]", name, j), append(field, "match", strconv.Itoa(j))
			}
			if len(places) == 0 {
				m.branch(o, name, why)
			}
			for _, p := range places {
				m.passed(o, field, name, &matches[j], p, r.times())
			}
		}
	}
}

// times is how often the route's questions are asked.
func (r *l4Route) times() int {
	if len(r.Route) > 1 {
		return manyTimes
	}
	return once
}

// passed asks what takes a match, and of TLS what misses its names.
func (m *maker) passed(o *capture.Object, field []string, name string, match *l4Match, p place, times int) {
	p, why := m.at(&match.httpMatch, p)
	if len(match.DestinationSubnets) > 0 {
		why = "conditions on addresses are not asked"
	}
	m.branch(o, name, why)
	if why != "" {
		return
	}
	if len(match.SNIHosts) > 0 {
		p.host = concrete(match.SNIHosts[0])
	}
	m.byName(o, field, name, p, times)
}

// byName asks a route, and where TLS is passed through another name than its own.
func (m *maker) byName(o *capture.Object, field []string, name string, p place, times int) {
	m.ask(o, field, name+": takes it", p, shape{path: "/"}, times)
	if p.scheme == "tls" {
		m.ask(o, append(slices.Clone(field), "sniHosts"), name+": misses the name", p, shape{path: "/", host: "missed-" + p.host}, times)
	}
}
