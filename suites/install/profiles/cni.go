package profiles

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/onsi/gomega"
	"golang.org/x/sync/errgroup"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(cni)

// cni runs a pod whose traffic the CNI plugin redirects. In a run with another
// profile it installs the plugin first and removes it again.
func cni(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "cni-profile",
		Promise: "with chart cni a pod needs no init container and no right to change its network; the plugin keeps its place in the nodes' chain and leaves it clean",
		Timeout: 6 * time.Minute,
		SkipIf: func() string {
			if s.Profile() == stack.ProfileAmbient {
				return "in the ambient profile chart cni is for pods without sidecars, and istiod gives sidecars their init container; PROFILE=cni runs it"
			}
			return s.WhyNotOurs()
		},
		Run: func(ctx context.Context, t *check.T) {
			remove := func() {}
			if s.Profile() != stack.ProfileCNI {
				remove = installPlugin(ctx, t, s)
			}
			t.Diagnose("the CNI plugin is not in every node's chain although its DaemonSet is ready",
				"compare cniConfDir and cniConfFileName of chart cni with the node's /etc/cni/net.d; look for errors in the log of the node's istio-cni-node pod", "https://istio.io/latest/docs/setup/additional-setup/cni/")
			mustBeInChain(ctx, t, s)
			c := kit.NewScratch(ctx, t, s, "cni")
			pod := c.Workload(ctx, t, map[string]string{"Inject": "true"})
			mustNeedNoRights(t, &pod)
			t.Diagnose("a pod's traffic is not redirected into its sidecar",
				"look at /var/run/istio-cni/istio-cni.log on the node and at container istio-validation in the evidence",
				"https://istio.io/latest/docs/ops/diagnostic-tools/cni/")
			answer := kit.ParseAnswer(t, c.Get(ctx, nil))
			t.Expect(strings.Join(answer.Headers["X-Forwarded-Client-Cert"], ",")).
				To(gomega.ContainSubstring("/ns/"+s.Gateway.Namespace+"/sa/"+s.Gateway.ServiceAccount), "the identity that the sidecar saw")
			t.Observe("containers %v, mutual TLS from the gateway", kit.ContainerNames(&pod))
			repair(ctx, t, s, pod.Spec.NodeName)
			remove()
		},
	}
}

// installPlugin adds chart cni and tells istiod, and returns how to take both
// away again.
func installPlugin(ctx context.Context, t *check.T, s *stack.Stack) (remove func()) {
	t.Helper()
	releases, err := s.ReleasesOf(stack.ProfileCNI)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	plugin, istiod := releases[1], releases[2]
	removed := false
	t.CleanupWithin(ctx, 3*time.Minute, func(ctx context.Context) {
		if removed {
			return
		}
		if err := removePlugin(ctx, s, plugin); err != nil {
			t.Errorf("take the CNI plugin away: %v", err)
		}
	})
	t.Diagnose("chart cni does not install",
		"look at the pods, events and logs of namespace "+stack.SystemNamespace+" in the evidence", "https://istio.io/latest/docs/setup/additional-setup/cni/")
	_, err = s.Helm.Install(ctx, plugin)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	_, err = s.Helm.Upgrade(ctx, istiod)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Diagnose("istiod does not inject what pods need with chart cni", "compare pilot.cni.enabled in ConfigMap "+s.Revised("istio-sidecar-injector")+" with the release's values",
		"https://istio.io/latest/docs/setup/additional-setup/cni/")
	mustInject(ctx, t, s, validator)
	return func() {
		t.Helper()
		t.Diagnose("the CNI plugin cannot be taken away, or leaves itself in a node's chain: new pods then fail with \"failed to find plugin istio-cni\"",
			"chart cni cleans up when its pods end: were they killed before they could? Remove the plugin from the node's /etc/cni/net.d",
			"https://istio.io/latest/docs/setup/additional-setup/cni/")
		t.Expect(removePlugin(ctx, s, plugin)).To(gomega.Succeed())
		removed = true
		t.Eventually(ctx, func() ([]string, error) { return chains(ctx, s) }).Should(gomega.HaveEach(gomega.Not(gomega.ContainSubstring(pluginName))), "network configuration of the nodes")
		mustInject(ctx, t, s, initializer)
	}
}

// removePlugin gives istiod the run's own values back, and uninstalls the plugin.
func removePlugin(ctx context.Context, s *stack.Stack, plugin charts.Release) error {
	i := slices.IndexFunc(s.Releases, func(r charts.Release) bool { return r.Chart == s.Images.Charts["istiod"] })
	var both errgroup.Group
	both.Go(func() error {
		_, err := s.Helm.Apply(ctx, s.Releases[i])
		return err
	})
	both.Go(func() error { return s.Helm.Uninstall(ctx, plugin.Namespace, plugin.Name, 2*time.Minute) })
	return both.Wait()
}

// Containers that redirect a pod's traffic, or see to it that the plugin did.
const (
	initializer = "istio-init"
	validator   = "istio-validation"
)

// mustInject waits until istiod injects a container of that name: it reads its
// ConfigMap a moment after Helm has changed it.
func mustInject(ctx context.Context, t *check.T, s *stack.Stack, name string) {
	t.Helper()
	namespace, err := s.ScratchNamespace(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Eventually(ctx, func() ([]string, error) {
		pod, err := kit.Injected(ctx, s, namespace, s.Asking())
		return kit.ContainerNames(pod), err
	}).Should(gomega.ContainElement(name), "containers of a new pod")
}

// mustNeedNoRights asserts that nothing in the pod may change its network.
func mustNeedNoRights(t *check.T, pod *corev1.Pod) {
	t.Helper()
	t.Diagnose("pods still get the init container that redirects their traffic, with the right to change the network",
		"istiod needs pilot.cni.enabled=true where chart cni is installed", "https://istio.io/latest/docs/setup/additional-setup/cni/")
	t.Expect(kit.ContainerNames(pod)).To(gomega.ContainElement(validator))
	t.Expect(kit.ContainerNames(pod)).NotTo(gomega.ContainElement(initializer))
	for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		if c.SecurityContext == nil || c.SecurityContext.Capabilities == nil {
			continue
		}
		t.Expect(c.SecurityContext.Capabilities.Add).NotTo(gomega.ContainElement(corev1.Capability("NET_ADMIN")), "capabilities of container %s", c.Name)
	}
}

// pluginName is the plugin's type in a chain.
const pluginName = "istio-cni"

// chains returns "<node>: <types of the plugins>" of every node's first
// configuration, which is the one in force.
func chains(ctx context.Context, s *stack.Stack) ([]string, error) {
	var all []string
	for _, node := range s.Cluster.Nodes() {
		types, err := s.Cluster.Exec(ctx, node.Name, `jq -r '[.plugins[].type] | join(" ")' "$(ls /etc/cni/net.d/*.conflist | head -1)"`)
		if err != nil {
			return nil, err
		}
		all = append(all, fmt.Sprintf("%s: %s", node.Name, strings.TrimSpace(types)))
	}
	return all, nil
}

func mustBeInChain(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	t.Eventually(ctx, func() ([]string, error) { return chains(ctx, s) }).
		Should(gomega.HaveEach(gomega.HaveSuffix(" "+pluginName)), "plugins of the nodes, in their order")
}

// repair takes the plugin out of a node's chain, as another plugin's upgrade does.
func repair(ctx context.Context, t *check.T, s *stack.Stack, node string) {
	t.Helper()
	t.Diagnose("the plugin does not come back into a node's chain that somebody has written anew: pods that start then bypass the mesh",
		"look at the log of the node's istio-cni-node pod: it watches the directory", "https://istio.io/latest/docs/ops/diagnostic-tools/cni/")
	_, err := s.Cluster.Exec(ctx, node, `set -e
file=$(ls /etc/cni/net.d/*.conflist | head -1)
jq '.plugins |= map(select(.type != "istio-cni"))' "$file" > /etc/cni/without
mv /etc/cni/without "$file"`)
	t.Expect(err).NotTo(gomega.HaveOccurred(), "take the plugin out of the chain of node %s", node)
	started := time.Now()
	mustBeInChain(ctx, t, s)
	t.Observe("the plugin was back in the chain of node %s after %s", node, time.Since(started).Round(100*time.Millisecond))
}
