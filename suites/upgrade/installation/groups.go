package installation

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// refresh restarts the gateway and the workloads where a proxy is not of the
// version, or was injected by another control plane than a new one would be.
func (m *Mesh) refresh(ctx context.Context, version string) error {
	for _, g := range m.Groups() {
		err := m.restartIf(ctx, g, func(p corev1.Pod) bool {
			return ProxyVersion(&p) != version || p.Annotations[stack.RevisionLabel] != defaultRevision
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Group are pods whose proxies a journey moves together.
type Group struct {
	Namespace, Selector string
	Deployments         []string
}

func (m *Mesh) gatewayGroup() Group {
	g := m.Stack.Gateway
	if m.managed {
		return Group{g.Namespace, "gateway.networking.k8s.io/gateway-name=" + managedName, []string{managedDeployment}}
	}
	return Group{g.Namespace, g.Selector, []string{g.Release}}
}

func (m *Mesh) workloadGroup() Group { return Group{m.Stack.Namespace, workloadLabel, Workloads} }

// Groups are the gateway's pods and those of the workloads.
func (m *Mesh) Groups() []Group { return []Group{m.gatewayGroup(), m.workloadGroup()} }

// RestartGatewayAt restarts the gateway unless its new chart has done it already.
func (m *Mesh) RestartGatewayAt(ctx context.Context, version string) error {
	return m.restartIf(ctx, m.gatewayGroup(), func(p corev1.Pod) bool { return ProxyVersion(&p) != version })
}

// restartIf restarts a group of which a pod is stale once it is at rest: Helm is
// content when the new pods are ready, and the last old one, which may still be
// there, is no reason for another rollout.
func (m *Mesh) restartIf(ctx context.Context, g Group, stale func(corev1.Pod) bool) error {
	if err := m.RolledOut(ctx, g.Namespace, g.Deployments...); err != nil {
		return err
	}
	pods, err := m.Stack.ReadyPods(ctx, g.Namespace, g.Selector)
	if err != nil || !slices.ContainsFunc(pods, stale) {
		return err
	}
	return m.Restart(ctx, g.Namespace, g.Deployments...)
}

// ProxyVersion is the version in the tag of a pod's proxy image, wherever the
// proxy is: a native sidecar is an init container.
func ProxyVersion(p *corev1.Pod) string { return proxyVersion(&p.Spec) }

func proxyVersion(spec *corev1.PodSpec) string {
	for _, c := range slices.Concat(spec.Containers, spec.InitContainers) {
		if c.Name == kit.ProxyContainer {
			return c.Image[strings.LastIndex(c.Image, ":")+1:]
		}
	}
	return ""
}
