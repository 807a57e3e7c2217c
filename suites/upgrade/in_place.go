package upgrade

import (
	"context"

	"istio-conformance/internal/mesh/istio"
)

// inPlace upgrades the releases that are there, forward, back and forward again.
func inPlace(m *mesh) []step {
	from, to := m.stack.FromCell.Istio, m.stack.Cell.Istio
	steps := m.forward(legForward, from, to)
	steps = append(steps, m.back(from, to)...)
	return append(steps, m.forward(legAgain, from, to)...)
}

// forward changes the control plane first: a proxy may be behind it.
func (m *mesh) forward(leg, from, to string) []step {
	state := versions{base: from, controlPlanes: []string{from}, gateway: from, workloads: from}
	var steps []step
	for _, name := range istio.Order(false) {
		s := step{leg: leg, name: name}
		switch name {
		case "base", "istiod":
			s.change = func(ctx context.Context) error { return m.upgrade(ctx, name, to, nil) }
		case "gateway":
			s.change = func(ctx context.Context) error {
				if err := m.upgrade(ctx, name, to, nil); err != nil {
					return err
				}
				return m.restartGatewayAt(ctx, to)
			}
		case "workloads":
			s.change = func(ctx context.Context) error { return m.restart(ctx, m.stack.Namespace, workloads...) }
		}
		state = state.with(name, to)
		s.after = state
		steps = append(steps, s)
	}
	return steps
}

// back changes the proxies first: none may be ahead of its control plane. For
// that the newer istiod must inject the older proxy, which a value of its chart
// says; helm rollback takes the value away again.
func (m *mesh) back(from, to string) []step {
	state := versions{base: to, controlPlanes: []string{to}, gateway: to, workloads: to}
	var steps []step
	for _, name := range istio.Order(true) {
		s := step{leg: legRollback, name: name}
		switch name {
		case "workloads":
			s.change = func(ctx context.Context) error {
				if err := m.pinProxies(ctx, to, from); err != nil {
					return err
				}
				return m.restart(ctx, m.stack.Namespace, workloads...)
			}
		case "gateway":
			s.change = func(ctx context.Context) error {
				if err := m.rollback(ctx, name, from); err != nil {
					return err
				}
				return m.restartGatewayAt(ctx, from)
			}
		default:
			s.change = func(ctx context.Context) error { return m.rollback(ctx, name, from) }
		}
		state = state.with(name, from)
		s.after = state
		steps = append(steps, s)
	}
	return steps
}

// pinProxies makes an istiod inject the proxies of another version.
func (m *mesh) pinProxies(ctx context.Context, istiod, proxies string) error {
	set := m.set(proxies)
	image := set.Hub + "/proxyv2:" + set.Tag
	err := m.upgrade(ctx, "istiod", istiod, map[string]any{"global": map[string]any{
		"proxy": map[string]any{"image": image}, "proxy_init": map[string]any{"image": image},
	}})
	if err != nil {
		return err
	}
	// istiod reads its injector's ConfigMap again some time after it changed.
	return until(ctx, rolloutTimeout, func(ctx context.Context) error { return m.injects(ctx, proxies) })
}

// with returns the versions after a component was changed.
func (v versions) with(name, version string) versions {
	switch name {
	case "base":
		v.base = version
	case "istiod":
		v.controlPlanes = []string{version}
	case "gateway":
		v.gateway = version
	case "workloads":
		v.workloads = version
	}
	return v
}
