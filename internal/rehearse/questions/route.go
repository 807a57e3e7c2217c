package questions

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"istio-conformance/internal/rehearse/capture"
)

// beyond is how much longer than a time-out a stand-in is made to take.
const beyond = 700 * time.Millisecond

// route asks the branches of a route from one place.
func (m *maker) route(r written, p place) {
	matches := r.Match
	if len(matches) == 0 {
		matches = []httpMatch{{}}
	}
	for j := range matches {
		name, field := r.name, r.field
		if len(r.Match) > 0 {
			name, field = fmt.Sprintf("%s.match[%d]", r.name, j), append(slices.Clone(r.field), "match", strconv.Itoa(j))
		}
		from, why := m.at(&matches[j], p)
		if from.via != "" && m.calls(r.Route, r.object.Namespace()) {
			from.scheme = strings.Replace(from.scheme, "http", "grpc", 1)
		}
		conditions := matches[j].conditions()
		if reason := unmade(conditions); reason != "" {
			why = reason
		}
		m.branch(r.object, name, why)
		if why != "" {
			continue
		}
		m.takeAndMiss(r.object, field, name, from, conditions, r.times())
		if j == 0 {
			m.effects(r, from, take(shape{path: "/"}, conditions))
		}
	}
}

// takeAndMiss asks for what takes a branch, and what misses it by one condition.
func (m *maker) takeAndMiss(o *capture.Object, field []string, name string, p place, conditions []condition, times int) {
	m.ask(o, field, name+": takes it", p, take(shape{path: "/"}, conditions), times)
	for _, c := range conditions {
		if c.miss == nil || routes(p.scheme) == "tcp" {
			continue
		}
		s := take(shape{path: "/"}, conditions)
		c.miss(&s)
		m.ask(o, append(slices.Clone(field), c.field), name+": misses "+c.name, p, s, times)
	}
}

// times is how often the route's questions are asked.
func (r *written) times() int {
	chance := len(r.Route) > 1
	if f := r.Fault; f != nil {
		for _, part := range []*fault{f.Delay, f.Abort} {
			chance = chance || part != nil && (part.Percentage.some() || part.Percentage == nil && part.Percent > 0 && part.Percent < 100)
		}
	}
	if chance {
		return manyTimes
	}
	return once
}

// effects asks for what a route does beside where it leads to.
func (m *maker) effects(r written, p place, s shape) {
	field := func(name string) []string { return append(slices.Clone(r.field), name) }
	if r.Mirror != nil || len(r.Mirrors) > 0 {
		times := r.times()
		if r.MirrorPercentage.some() || slices.ContainsFunc(r.Mirrors, func(m mirror) bool { return m.Percentage.some() }) {
			times = manyTimes
		}
		m.mirrored(r, field(mirrorField(r)), p, s, times)
	}
	if c := r.Cors; c != nil && len(c.AllowOrigins) > 0 && strings.HasPrefix(p.scheme, "http") {
		m.cors(r, p, s)
	}
	if len(r.Route) == 0 || r.times() > once {
		return
	}
	if object := m.ejects(r); object != "" {
		m.branch(r.object, r.name+".retries", "the outlier detection of "+object+" would take the only stand-in away")
		return
	}
	m.branch(r.object, r.name+".retries", "")
	m.ask(r.object, field("retries"), r.name+".retries: the stand-in answers 503", p, s.ordered("status", "503"), once)
	if r.Retries != nil {
		m.slow(r, p, s, "retries", r.Retries.PerTryTimeout, "attempts", "1")
	}
	m.slow(r, p, s, "timeout", r.Timeout)
}

func mirrorField(r written) string {
	if r.Mirror != nil {
		return "mirror"
	}
	return "mirrors"
}

// mirrored asks with a mark, by which the stand-ins that a request is mirrored to tell it.
func (m *maker) mirrored(r written, field []string, p place, s shape, times int) {
	s = s.clone()
	s.marked = true
	m.branch(r.object, r.name+".mirror", "")
	m.ask(r.object, field, r.name+".mirror: who else sees it", p, s, times)
}

// slow asks a stand-in that takes longer than a time-out allows.
func (m *maker) slow(r written, p place, s shape, name, timeout string, orders ...string) {
	allowed := seconds(timeout)
	switch {
	case allowed == 0:
	case allowed > longest:
		m.branch(r.object, r.name+"."+name, fmt.Sprintf("a time-out of %s is not waited for", timeout))
	default:
		delay := time.Duration(allowed*float64(time.Second)) + beyond
		m.branch(r.object, r.name+"."+name, "")
		m.ask(r.object, append(slices.Clone(r.field), name), fmt.Sprintf("%s.%s: the stand-in takes %s", r.name, name, delay), p, s.ordered(append(orders, "delay", delay.String())...), once)
	}
}

// cors asks as a browser does before it sends a request of another origin.
func (m *maker) cors(r written, p place, s shape) {
	hit, near, ok := r.Cors.AllowOrigins[0].values()
	if !ok {
		m.branch(r.object, r.name+".corsPolicy", "no origin could be made for "+r.Cors.AllowOrigins[0].String())
		return
	}
	m.branch(r.object, r.name+".corsPolicy", "")
	for _, origin := range []string{hit, near} {
		if origin == "" {
			continue
		}
		asked := s.clone()
		asked.method, asked.headers["origin"], asked.headers["access-control-request-method"] = "OPTIONS", origin, "GET"
		m.ask(r.object, append(slices.Clone(r.field), "corsPolicy"), r.name+".corsPolicy: of origin "+origin, p, asked, once)
	}
}

// ejects names the DestinationRule that would take a stand-in of the route away after it
// has answered with errors; empty where none would.
func (m *maker) ejects(r written) string {
	for _, d := range r.Route {
		to := m.serviceOf(d.Destination.Host, r.object.Namespace())
		if to == nil {
			continue
		}
		for _, o := range m.mesh.Of("DestinationRule") {
			host, _ := o.Fields("spec", "host").(string)
			if of := m.serviceOf(host, o.Namespace()); of == nil || of.host != to.host {
				continue
			}
			if strings.Contains(fmt.Sprint(o.Fields("spec")), "outlierDetection") {
				return o.String()
			}
		}
	}
	return ""
}
