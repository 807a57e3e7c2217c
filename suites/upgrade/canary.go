package upgrade

import (
	"context"

	"istio-conformance/internal/stack"
	"istio-conformance/suites/upgrade/installation"
)

// canaryRevision moves namespace and gateway by the revision's own name.
func canaryRevision(m *installation.Mesh) []step {
	return canarySteps(m, mover{
		gateway: chartGateway(m, map[string]any{"revision": installation.Revision(m.Stack.Cell.Istio)}),
		move:    func(ctx context.Context, version string) error { return m.Label(ctx, byRevision(m, version)) },
	})
}

// managedRevision moves namespace and Gateway by the revision's own name: the control plane
// of that revision takes over what the other one has deployed.
func managedRevision(m *installation.Mesh) []step {
	return canarySteps(m, mover{
		gateway: func(ctx context.Context, version string) error {
			if err := m.LabelGateway(ctx, byRevision(m, version)[stack.RevisionLabel]); err != nil {
				return err
			}
			return m.FollowedAt(ctx, version)
		},
		move: func(ctx context.Context, version string) error { return m.Label(ctx, byRevision(m, version)) },
	})
}

// byRevision are the labels with which new pods of a namespace belong to a version's
// control plane; empty ones are removed.
func byRevision(m *installation.Mesh, version string) map[string]string {
	if version == m.Stack.Cell.Istio {
		return map[string]string{stack.NamespaceLabel: "", stack.RevisionLabel: installation.Revision(version)}
	}
	return map[string]string{stack.NamespaceLabel: "enabled", stack.RevisionLabel: ""}
}

// canaryTag moves the tag that namespace and gateway follow.
func canaryTag(m *installation.Mesh) []step {
	from, to := m.Stack.FromCell.Istio, m.Stack.Cell.Istio
	return canarySteps(m, mover{
		gateway: chartGateway(m, map[string]any{"revision": installation.TagName}),
		tag: func(ctx context.Context, version string) error {
			if version == to {
				return m.PointTag(ctx, installation.IstiodRelease+"-"+installation.Revision(to), to, installation.Revision(to))
			}
			return m.PointTag(ctx, installation.IstiodRelease, from, "")
		},
		move: func(context.Context, string) error { return nil },
	})
}

// mover is how namespace and gateway come to a control plane.
type mover struct {
	// gateway makes the gateway belong to a version's control plane.
	gateway func(ctx context.Context, version string) error
	// tag points the tag at a version's control plane; nil where there is none.
	tag func(ctx context.Context, version string) error
	// move makes new pods of the namespace belong to a version's control plane.
	move func(ctx context.Context, version string) error
}

// chartGateway upgrades the chart's gateway with values, and rolls it back.
func chartGateway(m *installation.Mesh, values map[string]any) func(ctx context.Context, version string) error {
	return func(ctx context.Context, version string) error {
		change := func() error { return m.Rollback(ctx, "gateway", version) }
		if version == m.Stack.Cell.Istio {
			change = func() error { return m.Upgrade(ctx, "gateway", version, values) }
		}
		if err := change(); err != nil {
			return err
		}
		return m.RestartGatewayAt(ctx, version)
	}
}

// canarySteps are both legs and the end: forward, back, forward again, the new
// control plane becomes the default, and the old one is removed.
func canarySteps(m *installation.Mesh, by mover) []step {
	from, to := m.Stack.FromCell.Istio, m.Stack.Cell.Istio
	steps := canaryForward(m, legForward, by, from, to)
	steps = append(steps, canaryBack(m, by, from, to)...)
	steps = append(steps, canaryForward(m, legAgain, by, from, to)...)
	done := installation.Versions{Base: to, Gateway: to, Workloads: to, ControlPlanes: []string{from, to}}
	steps = append(steps, step{leg: legAgain, name: "default", after: done, change: func(ctx context.Context) error {
		return m.Upgrade(ctx, "base", to, map[string]any{"defaultRevision": installation.Revision(to)})
	}})
	done.ControlPlanes = []string{to}
	return append(steps, step{leg: legAgain, name: "remove", after: done, change: func(ctx context.Context) error {
		r, err := m.Release("istiod", from, nil)
		if err != nil {
			return err
		}
		return m.Stack.Helm.Uninstall(ctx, r.Namespace, r.Name, r.Timeout)
	}})
}

func canaryForward(m *installation.Mesh, leg string, by mover, from, to string) []step {
	state := installation.Versions{Base: to, ControlPlanes: []string{from}, Gateway: from, Workloads: from}
	steps := []step{{leg: leg, name: "base", after: state, change: func(ctx context.Context) error { return m.Upgrade(ctx, "base", to, nil) }}}
	state.ControlPlanes = []string{from, to}
	steps = append(steps, step{leg: leg, name: "istiod", after: state, change: func(ctx context.Context) error {
		r, err := m.Canary(to)
		if err != nil {
			return err
		}
		_, err = m.Stack.Helm.Install(ctx, r)
		return err
	}})
	if by.tag != nil {
		steps = append(steps, step{leg: leg, name: "tag", after: state, change: func(ctx context.Context) error { return by.tag(ctx, to) }})
	}
	state.Gateway = to
	steps = append(steps, step{leg: leg, name: "gateway", after: state, change: func(ctx context.Context) error { return by.gateway(ctx, to) }})
	state.Workloads = to
	return append(steps, step{leg: leg, name: "workloads", after: state, change: func(ctx context.Context) error {
		if err := by.move(ctx, to); err != nil {
			return err
		}
		return m.Restart(ctx, m.Stack.Namespace, installation.Workloads...)
	}})
}

func canaryBack(m *installation.Mesh, by mover, from, to string) []step {
	state := installation.Versions{Base: to, ControlPlanes: []string{from, to}, Gateway: to, Workloads: to}
	var steps []step
	if by.tag != nil {
		steps = append(steps, step{leg: legRollback, name: "tag", after: state, change: func(ctx context.Context) error { return by.tag(ctx, from) }})
	}
	state.Workloads = from
	steps = append(steps, step{leg: legRollback, name: "workloads", after: state, change: func(ctx context.Context) error {
		if err := by.move(ctx, from); err != nil {
			return err
		}
		return m.Restart(ctx, m.Stack.Namespace, installation.Workloads...)
	}})
	state.Gateway = from
	steps = append(steps, step{leg: legRollback, name: "gateway", after: state, change: func(ctx context.Context) error { return by.gateway(ctx, from) }})
	state.ControlPlanes = []string{from}
	steps = append(steps, step{leg: legRollback, name: "istiod", after: state, change: m.RemoveCanaries})
	state.Base = from
	return append(steps, step{leg: legRollback, name: "base", after: state, change: func(ctx context.Context) error { return m.Rollback(ctx, "base", from) }})
}
