package upgrade

import (
	"context"

	"istio-conformance/suites/upgrade/installation"
)

// managedGateway upgrades in place where istiod deploys the gateway. Nobody restarts that:
// istiod gives it its own proxy as soon as it is of another version, and, on the way back,
// the one that a value names. The chart's gateway stays at the old version all the time.
func managedGateway(m *installation.Mesh) []step {
	from, to := m.Stack.FromCell.Istio, m.Stack.Cell.Istio
	steps := managedForward(m, legForward, from, to)
	steps = append(steps, managedBack(m, from, to)...)
	return append(steps, managedForward(m, legAgain, from, to)...)
}

func managedForward(m *installation.Mesh, leg, from, to string) []step {
	state := installation.Versions{Base: to, ControlPlanes: []string{from}, Gateway: from, Workloads: from}
	steps := []step{{leg: leg, name: "base", after: state, change: func(ctx context.Context) error { return m.Upgrade(ctx, "base", to, nil) }}}
	state.ControlPlanes, state.Gateway = []string{to}, to
	steps = append(steps, step{leg: leg, name: "istiod", after: state, change: func(ctx context.Context) error {
		if err := m.Upgrade(ctx, "istiod", to, nil); err != nil {
			return err
		}
		return m.FollowedAt(ctx, to)
	}})
	state.Workloads = to
	return append(steps, step{leg: leg, name: "workloads", after: state, change: func(ctx context.Context) error {
		return m.Restart(ctx, m.Stack.Namespace, installation.Workloads...)
	}})
}

func managedBack(m *installation.Mesh, from, to string) []step {
	// The value moves the gateway at once, and the workloads when they are restarted.
	state := installation.Versions{Base: to, ControlPlanes: []string{to}, Gateway: from, Workloads: from}
	steps := []step{{leg: legRollback, name: "workloads", after: state, change: func(ctx context.Context) error {
		if err := m.PinProxies(ctx, to, from); err != nil {
			return err
		}
		if err := m.FollowedAt(ctx, from); err != nil {
			return err
		}
		return m.Restart(ctx, m.Stack.Namespace, installation.Workloads...)
	}}}
	state.ControlPlanes = []string{from}
	steps = append(steps, step{leg: legRollback, name: "istiod", after: state, change: func(ctx context.Context) error { return m.Rollback(ctx, "istiod", from) }})
	state.Base = from
	return append(steps, step{leg: legRollback, name: "base", after: state, change: func(ctx context.Context) error { return m.Rollback(ctx, "base", from) }})
}
