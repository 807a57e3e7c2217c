package questions

import "istio-conformance/internal/rehearse/capture"

// chances finds the ways on which chance decides who answers, or how: by weights, by faults
// of a share, or because any of several kinds of pods is led to.
func (m *maker) chances() error {
	for _, s := range m.services {
		if len(s.standIns) > 1 {
			m.often(severalTimes, place{to: s.host})
		}
	}
	for _, o := range m.mesh.Of("VirtualService") {
		var vs virtualService
		if err := decode(o, &vs); err != nil {
			continue // said where its questions are made
		}
		routes, err := m.routes(o, &vs, nil)
		if err != nil {
			return err
		}
		of := map[string]int{"http": once, "tcp": once, "tls": once}
		for _, r := range routes {
			of["http"] = max(of["http"], r.times(), m.several(r.Route, r.object.Namespace()))
		}
		for kind, list := range map[string][]l4Route{"tcp": vs.TCP, "tls": vs.TLS} {
			for _, r := range list {
				of[kind] = max(of[kind], r.times(), m.several(r.Route, o.Namespace()))
			}
		}
		for kind, times := range of {
			if times > once {
				places, _ := m.placesOf(o, &vs, kind)
				m.often(times, places...)
			}
		}
	}
	for _, kind := range routeKinds {
		for _, o := range m.mesh.Of(kind) {
			m.chanceOf(o)
		}
	}
	return nil
}

// often says how often a question must be asked on ways.
func (m *maker) often(times int, places ...place) {
	for _, p := range places {
		m.set.chance[p.way()] = max(m.set.chance[p.way()], times)
	}
}

// several is how often a question must be asked because of the kinds of pods that a route
// leads to.
func (m *maker) several(route []destination, from string) int {
	for i := range route {
		if len(m.leadsTo(&route[i], from)) > 1 {
			return severalTimes
		}
	}
	return once
}

// calls says whether a route leads to ports of gRPC alone.
func (m *maker) calls(route []destination, from string) bool {
	for _, d := range route {
		s := m.serviceOf(d.Destination.Host, from)
		if s == nil || !s.grpc(d.Destination.Port.Number) {
			return false
		}
	}
	return len(route) > 0
}

// grpc says whether a port is one of gRPC; 0 is the only one.
func (s *service) grpc(number int32) bool {
	for _, p := range s.ports {
		if p.number == number || number == 0 && len(s.ports) == 1 {
			return p.scheme == "grpc"
		}
	}
	return false
}

// chanceOf is chances for a route of the Gateway API.
func (m *maker) chanceOf(o *capture.Object) {
	var r gatewayRoute
	if err := decode(o, &r); err != nil {
		return // said where its questions are made
	}
	times := once
	for _, rule := range r.Rules {
		if len(rule.BackendRefs) > 1 {
			times = manyTimes
		}
		for _, ref := range rule.BackendRefs {
			if s := m.serviceOf(ref.Name, ref.namespace(o)); s != nil && len(s.standIns) > 1 {
				times = max(times, severalTimes)
			}
		}
	}
	if times > once {
		m.often(times, m.parents(o, &r)...)
	}
}
