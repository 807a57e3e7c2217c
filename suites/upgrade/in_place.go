package upgrade

import (
	"context"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/suites/upgrade/installation"
)

// inPlace upgrades the releases that are there, forward, back and forward again.
func inPlace(m *installation.Mesh) []step {
	from, to := m.Stack.FromCell.Istio, m.Stack.Cell.Istio
	steps := forward(m, legForward, from, to)
	steps = append(steps, back(m, from, to)...)
	return append(steps, forward(m, legAgain, from, to)...)
}

// forward changes the control plane first: a proxy may be behind it.
func forward(m *installation.Mesh, leg, from, to string) []step {
	state := installation.Versions{Base: from, ControlPlanes: []string{from}, Gateway: from, Workloads: from}
	var steps []step
	for _, name := range istio.Order(false) {
		s := step{leg: leg, name: name}
		switch name {
		case "base", "istiod":
			s.change = func(ctx context.Context) error { return m.Upgrade(ctx, name, to, nil) }
		case "gateway":
			s.change = func(ctx context.Context) error {
				if err := m.Upgrade(ctx, name, to, nil); err != nil {
					return err
				}
				return m.RestartGatewayAt(ctx, to)
			}
		case "workloads":
			s.change = func(ctx context.Context) error { return m.Restart(ctx, m.Stack.Namespace, installation.Workloads...) }
		}
		state = state.With(name, to)
		s.after = state
		steps = append(steps, s)
	}
	return steps
}

// back changes the proxies first: none may be ahead of its control plane. For
// that the newer istiod must inject the older proxy, which a value of its chart
// says; helm rollback takes the value away again.
func back(m *installation.Mesh, from, to string) []step {
	state := installation.Versions{Base: to, ControlPlanes: []string{to}, Gateway: to, Workloads: to}
	var steps []step
	for _, name := range istio.Order(true) {
		s := step{leg: legRollback, name: name}
		switch name {
		case "workloads":
			s.change = func(ctx context.Context) error {
				if err := m.PinProxies(ctx, to, from); err != nil {
					return err
				}
				return m.Restart(ctx, m.Stack.Namespace, installation.Workloads...)
			}
		case "gateway":
			s.change = func(ctx context.Context) error {
				if err := m.Rollback(ctx, name, from); err != nil {
					return err
				}
				return m.RestartGatewayAt(ctx, from)
			}
		default:
			s.change = func(ctx context.Context) error { return m.Rollback(ctx, name, from) }
		}
		state = state.With(name, from)
		s.after = state
		steps = append(steps, s)
	}
	return steps
}
