package upgrade

import (
	"context"
	"errors"
	"fmt"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
)

// canaryRevision moves namespace and gateway by the revision's own name.
func canaryRevision(m *mesh) []step {
	to := m.stack.Cell.Istio
	return m.canarySteps(mover{
		gateway: func(version string) map[string]any {
			if version == to {
				return map[string]any{"revision": revision(to)}
			}
			return nil
		},
		move: func(ctx context.Context, version string) error {
			labels := map[string]string{injectionLabel: "enabled", revisionLabel: ""}
			if version == to {
				labels = map[string]string{injectionLabel: "", revisionLabel: revision(to)}
			}
			return m.label(ctx, labels)
		},
	})
}

// canaryTag moves the tag that namespace and gateway follow.
func canaryTag(m *mesh) []step {
	from, to := m.stack.FromCell.Istio, m.stack.Cell.Istio
	return m.canarySteps(mover{
		gateway: func(string) map[string]any { return map[string]any{"revision": tagName} },
		tag: func(ctx context.Context, version string) error {
			if version == to {
				return m.pointTag(ctx, istiodRelease+"-"+revision(to), to, revision(to))
			}
			return m.pointTag(ctx, istiodRelease, from, "")
		},
		move: func(context.Context, string) error { return nil },
	})
}

// mover is how namespace and gateway come to a control plane.
type mover struct {
	// gateway are its values at a version.
	gateway func(version string) map[string]any
	// tag points the tag at a version's control plane; nil where there is none.
	tag func(ctx context.Context, version string) error
	// move makes new pods of the namespace belong to a version's control plane.
	move func(ctx context.Context, version string) error
}

// canarySteps are both legs and the end: forward, back, forward again, the new
// control plane becomes the default, and the old one is removed.
func (m *mesh) canarySteps(by mover) []step {
	from, to := m.stack.FromCell.Istio, m.stack.Cell.Istio
	steps := m.canaryForward(legForward, by, from, to)
	steps = append(steps, m.canaryBack(by, from, to)...)
	steps = append(steps, m.canaryForward(legAgain, by, from, to)...)
	done := versions{base: to, gateway: to, workloads: to, controlPlanes: []string{from, to}}
	steps = append(steps, step{leg: legAgain, name: "default", after: done, change: func(ctx context.Context) error {
		return m.upgrade(ctx, "base", to, map[string]any{"defaultRevision": revision(to)})
	}})
	done.controlPlanes = []string{to}
	return append(steps, step{leg: legAgain, name: "remove", after: done, change: func(ctx context.Context) error {
		r, err := m.release("istiod", from, nil)
		if err != nil {
			return err
		}
		return m.stack.Helm.Uninstall(ctx, r.Namespace, r.Name, r.Timeout)
	}})
}

func (m *mesh) canaryForward(leg string, by mover, from, to string) []step {
	state := versions{base: to, controlPlanes: []string{from}, gateway: from, workloads: from}
	steps := []step{{leg: leg, name: "base", after: state, change: func(ctx context.Context) error { return m.upgrade(ctx, "base", to, nil) }}}
	state.controlPlanes = []string{from, to}
	steps = append(steps, step{leg: leg, name: "istiod", after: state, change: func(ctx context.Context) error {
		r, err := m.canary(to)
		if err != nil {
			return err
		}
		_, err = m.stack.Helm.Install(ctx, r)
		return err
	}})
	if by.tag != nil {
		steps = append(steps, step{leg: leg, name: "tag", after: state, change: func(ctx context.Context) error { return by.tag(ctx, to) }})
	}
	state.gateway = to
	steps = append(steps, step{leg: leg, name: "gateway", after: state, change: func(ctx context.Context) error {
		if err := m.upgrade(ctx, "gateway", to, by.gateway(to)); err != nil {
			return err
		}
		return m.restartGatewayAt(ctx, to)
	}})
	state.workloads = to
	return append(steps, step{leg: leg, name: "workloads", after: state, change: func(ctx context.Context) error {
		if err := by.move(ctx, to); err != nil {
			return err
		}
		return m.restart(ctx, m.stack.Namespace, workloads...)
	}})
}

func (m *mesh) canaryBack(by mover, from, to string) []step {
	state := versions{base: to, controlPlanes: []string{from, to}, gateway: to, workloads: to}
	var steps []step
	if by.tag != nil {
		steps = append(steps, step{leg: legRollback, name: "tag", after: state, change: func(ctx context.Context) error { return by.tag(ctx, from) }})
	}
	state.workloads = from
	steps = append(steps, step{leg: legRollback, name: "workloads", after: state, change: func(ctx context.Context) error {
		if err := by.move(ctx, from); err != nil {
			return err
		}
		return m.restart(ctx, m.stack.Namespace, workloads...)
	}})
	state.gateway = from
	steps = append(steps, step{leg: legRollback, name: "gateway", after: state, change: func(ctx context.Context) error {
		if err := m.rollback(ctx, "gateway", from); err != nil {
			return err
		}
		return m.restartGatewayAt(ctx, from)
	}})
	state.controlPlanes = []string{from}
	steps = append(steps, step{leg: legRollback, name: "istiod", after: state, change: m.removeCanaries})
	state.base = from
	return append(steps, step{leg: legRollback, name: "base", after: state, change: func(ctx context.Context) error { return m.rollback(ctx, "base", from) }})
}

// pointTag makes the revision tag lead to a control plane, as istio.io tells its
// users to: from the chart's own template, beside the releases.
func (m *mesh) pointTag(ctx context.Context, release, version, rev string) error {
	objects, err := m.tagObjects(ctx, release, version, rev)
	if err != nil {
		return err
	}
	return kube.Apply(ctx, m.stack.Client, stack.SystemNamespace, objects)
}

// tagObjects renders what the chart makes of a tag.
func (m *mesh) tagObjects(ctx context.Context, release, version, rev string) ([]*unstructured.Unstructured, error) {
	r, err := m.release("istiod", version, map[string]any{"revision": rev, "revisionTags": []any{tagName}})
	if err != nil {
		return nil, err
	}
	r.Name = release
	manifest, err := charts.Render(ctx, r, m.stack.Cell.Kubernetes)
	if err != nil {
		return nil, err
	}
	all, err := kube.Decode(strings.NewReader(manifest))
	if err != nil {
		return nil, fmt.Errorf("render the revision tag %s of %s: %w", tagName, r, err)
	}
	var objects []*unstructured.Unstructured
	for _, o := range all {
		if o.GetLabels()["istio.io/tag"] == tagName {
			objects = append(objects, o)
		}
	}
	if len(objects) == 0 {
		return nil, fmt.Errorf("chart istiod of %s renders no revision tag", version)
	}
	return objects, nil
}

// removeTag deletes what pointTag made; no release owns it.
func (m *mesh) removeTag(ctx context.Context) error {
	of := client.MatchingLabels{"istio.io/tag": tagName}
	err := errors.Join(
		m.stack.Client.DeleteAllOf(ctx, &admissionv1.MutatingWebhookConfiguration{}, of),
		m.stack.Client.DeleteAllOf(ctx, &corev1.Service{}, client.InNamespace(stack.SystemNamespace), of),
	)
	if err != nil {
		return fmt.Errorf("remove the revision tag %s: %w", tagName, err)
	}
	return nil
}
