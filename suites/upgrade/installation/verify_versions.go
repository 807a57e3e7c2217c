package installation

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
)

// debugPort is istiod's plain HTTP port, which has /debug/syncz.
const debugPort = 8080

// sight is what runs.
type sight struct {
	Versions
	proxies int
}

func (s sight) String() string {
	return fmt.Sprintf("control plane %s; gateway %s, workloads %s; %d proxies SYNCED", s.Of("istiod"), s.Gateway, s.Workloads, s.proxies)
}

// verifyVersions compares what runs with what the step should have left, and each
// proxy with the control plane that it has.
func (m *Mesh) verifyVersions(ctx context.Context, want Versions) (string, error) {
	seen, err := m.Observe(ctx)
	if err != nil {
		return "", err
	}
	slices.Sort(seen.ControlPlanes)
	planes := slices.Sorted(slices.Values(want.ControlPlanes))
	if !slices.Equal(seen.ControlPlanes, planes) {
		return "", fmt.Errorf("control planes of Istio %s run, want %s", strings.Join(seen.ControlPlanes, " and "), strings.Join(planes, " and "))
	}
	if seen.Gateway != want.Gateway {
		return "", fmt.Errorf("the gateway's proxies are of Istio %s, want %s", seen.Gateway, want.Gateway)
	}
	if seen.Workloads != want.Workloads {
		return "", fmt.Errorf("the workloads' proxies are of Istio %s, want %s", seen.Workloads, want.Workloads)
	}
	return seen.String(), nil
}

// Observe asks every istiod for the proxies that it has, and holds them against
// the pods that are there. The version of a proxy is the one that its own program
// says, that of a control plane the one of its pod's image.
func (m *Mesh) Observe(ctx context.Context) (sight, error) {
	seen := sight{}
	table, err := istio.Load()
	if err != nil {
		return seen, err
	}
	istiods, err := m.Stack.ReadyPods(ctx, stack.SystemNamespace, "app=istiod")
	if err != nil {
		return seen, err
	}
	connected := map[string]bool{}
	of := map[string]string{}
	for i := range istiods {
		plane := istiodVersion(&istiods[i])
		if !slices.Contains(seen.ControlPlanes, plane) {
			seen.ControlPlanes = append(seen.ControlPlanes, plane)
		}
		proxies, err := m.syncz(ctx, &istiods[i])
		if err != nil {
			return seen, err
		}
		for _, p := range proxies {
			if err := judgeProxy(table, plane, &p); err != nil {
				// A proxy that has just ended may still be listed.
				if there, _ := m.has(ctx, p.ID); !there {
					continue
				}
				return seen, err
			}
			connected[p.ID], of[p.ID] = true, p.IstioVersion
		}
	}
	for _, g := range []struct {
		Group
		version *string
	}{{m.gatewayGroup(), &seen.Gateway}, {m.workloadGroup(), &seen.Workloads}} {
		pods, err := m.Stack.ReadyPods(ctx, g.Namespace, g.Selector)
		if err != nil {
			return seen, err
		}
		if *g.version, err = commonVersion(g.Namespace, pods, connected, of); err != nil {
			return seen, err
		}
		seen.proxies += len(pods)
	}
	return seen, nil
}

// judgeProxy says what is wrong with a proxy under its control plane.
func judgeProxy(table *istio.Table, plane string, p *istio.ProxyStatus) error {
	controlPlane, err := istio.ParseVersion(plane)
	if err != nil {
		return fmt.Errorf("version of a control plane: %w", err)
	}
	proxy, err := istio.ParseVersion(p.IstioVersion)
	if err != nil {
		return fmt.Errorf("version of the proxy of pod %s: %w", p.ID, err)
	}
	if err := table.CheckSkew(controlPlane, proxy); err != nil {
		return fmt.Errorf("pod %s: %w", p.ID, err)
	}
	if unsynced := p.Unsynced(); len(unsynced) > 0 {
		return fmt.Errorf("the proxy of pod %s is not SYNCED: %s", p.ID, strings.Join(unsynced, "; "))
	}
	return nil
}

// commonVersion is the version of all the pods' proxies, by the proxies' own word
// and by their images.
func commonVersion(namespace string, pods []corev1.Pod, connected map[string]bool, of map[string]string) (string, error) {
	if len(pods) == 0 {
		return "", fmt.Errorf("no pod with a proxy is ready in namespace %s", namespace)
	}
	version := ""
	for i := range pods {
		id := pods[i].Name + "." + namespace
		if !connected[id] {
			return "", fmt.Errorf("pod %s/%s is ready and its proxy is connected to no control plane", namespace, pods[i].Name)
		}
		if image := ProxyVersion(&pods[i]); image != of[id] {
			return "", fmt.Errorf("the proxy of pod %s/%s says that it is Istio %s, its image %s", namespace, pods[i].Name, of[id], image)
		}
		if version != "" && version != of[id] {
			return version + " and " + of[id], nil
		}
		version = of[id]
	}
	return version, nil
}

// istiodVersion is the version in the tag of an istiod's image.
func istiodVersion(p *corev1.Pod) string {
	for _, c := range p.Spec.Containers {
		if c.Name == "discovery" {
			return c.Image[strings.LastIndex(c.Image, ":")+1:]
		}
	}
	return ""
}

// has says whether a proxy's pod is there and not being ended.
func (m *Mesh) has(ctx context.Context, id string) (bool, error) {
	i := strings.LastIndex(id, ".")
	if i < 0 {
		return false, nil
	}
	pods, err := m.Stack.ReadyPods(ctx, id[i+1:], "")
	return slices.ContainsFunc(pods, func(p corev1.Pod) bool { return p.Name == id[:i] }), err
}

// syncz asks one istiod for its proxies.
func (m *Mesh) syncz(ctx context.Context, istiod *corev1.Pod) ([]istio.ProxyStatus, error) {
	port, stop, err := m.Stack.Cluster.PortForward(ctx, istiod.Namespace, istiod.Name, debugPort)
	if err != nil {
		return nil, err
	}
	response := probe.HTTP(ctx, probe.Request{URL: fmt.Sprintf("http://127.0.0.1:%d/debug/syncz", port), Timeout: 10 * time.Second})
	if err := stop(); err != nil {
		return nil, fmt.Errorf("stop forwarding to pod %s/%s: %w", istiod.Namespace, istiod.Name, err)
	}
	if response.Status != http.StatusOK {
		return nil, fmt.Errorf("ask pod %s/%s for its proxies: %s", istiod.Namespace, istiod.Name, response)
	}
	return istio.ParseSyncz(response.Body)
}
