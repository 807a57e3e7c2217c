package redirection

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// backTimeout bounds a change of the releases, which waits for their pods.
const backTimeout = 3 * time.Minute

// nativeArgument is what has a pod's init container write rules of nft.
// Source: the injection template of chart istiod.
const nativeArgument = "--native-nftables"

var _ = Checks.AddAt(3, back)

// back changes the mesh to iptables and to nft again, while pods of the other kind serve.
func back(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "nftables-and-back",
		Promise: "a mesh changes from nft to iptables and back: pods that start afterwards have the other's rules alone, those that were there serve on, and no node keeps a table of Istio's",
		Timeout: 6 * time.Minute,
		Run: func(ctx context.Context, t *check.T) {
			first := kit.NewScratch(ctx, t, s, "nft-first")
			pod := first.Workload(ctx, t, map[string]string{"Inject": "true"})
			mustBeWrittenBy(ctx, t, s, &pod, true)
			again := setNative(ctx, t, s, false)
			second := kit.NewScratch(ctx, t, s, "iptables")
			pod = second.Workload(ctx, t, map[string]string{"Inject": "true"})
			mustBeWrittenBy(ctx, t, s, &pod, false)
			for _, c := range []kit.Scratch{first, second} {
				mustPass(ctx, t, s, c)
			}
			again(ctx)
			third := kit.NewScratch(ctx, t, s, "nft-again")
			pod = third.Workload(ctx, t, map[string]string{"Inject": "true"})
			mustBeWrittenBy(ctx, t, s, &pod, true)
			for _, c := range []kit.Scratch{first, second, third} {
				mustPass(ctx, t, s, c)
			}
			t.Diagnose("a node has a table of Istio's, which belongs into pods", "nft list ruleset on the node", link)
			rules, err := nodeRules(ctx, s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(rules).NotTo(gomega.ContainElement(gomega.ContainSubstring(tablePrefix)), "rules of the nodes")
			t.Observe("pods with rules of nft, of iptables and of nft again serve side by side")
		},
		Breaks: []check.Break{{
			Name: "change-to-iptables-undone", Promise: "an injector that still asks for nft after the change to iptables is noticed",
			Make: func(ctx context.Context, t *check.T) { keepNative(ctx, t, s) },
			Says: "istiod does not ask for iptables' rules",
		}},
	}
}

// setNative upgrades each release that has global.nativeNftables to another value, restarts
// the agents of chart cni, whose pods the chart does not replace for that, waits
// until new pods get such rules, and returns how to go back, which also happens when the
// check ends.
func setNative(ctx context.Context, t *check.T, s *stack.Stack, on bool) (again func(context.Context)) {
	t.Helper()
	done := false
	again = func(ctx context.Context) {
		t.Helper()
		if done {
			return
		}
		for _, r := range withNative(s) {
			_, err := s.Helm.Apply(ctx, r)
			t.Expect(err).NotTo(gomega.HaveOccurred(), "give release %s its values back", r)
		}
		done = true
		restartAgents(ctx, t, s)
		mustAskFor(ctx, t, s, !on)
	}
	t.CleanupWithin(ctx, backTimeout, again)
	for _, r := range withNative(s) {
		r.Values = charts.Values(r.Values, map[string]any{"global": map[string]any{"nativeNftables": on}})
		_, err := s.Helm.Apply(ctx, r)
		t.Expect(err).NotTo(gomega.HaveOccurred(), "change release %s", r)
	}
	restartAgents(ctx, t, s)
	mustAskFor(ctx, t, s, on)
	return again
}

// withNative are the releases whose values say who writes the rules.
func withNative(s *stack.Stack) []charts.Release {
	return slices.DeleteFunc(slices.Clone(s.Releases), func(r charts.Release) bool { return !stack.HasNativeNftables(r) })
}

// mustAskFor waits until new pods get rules of nft, or of iptables: istiod reads its
// ConfigMap a moment after Helm has changed it, and the agents of chart cni write the
// plugin's configuration when they start.
func mustAskFor(ctx context.Context, t *check.T, s *stack.Stack, nft bool) {
	t.Helper()
	if s.Profile() == stack.ProfileCNI {
		t.Diagnose(map[bool]string{true: "the network plugin is not told to write nft's rules", false: "the network plugin is not told to write iptables' rules"}[nft],
			"compare NATIVE_NFTABLES of ConfigMap istio-cni-config with the nodes' /etc/cni/net.d", link)
		t.Eventually(ctx, func() ([]string, error) { return pluginSettings(ctx, s) }).WithTimeout(kit.PodsTimeout).Should(gomega.HaveEach(strconv.FormatBool(nft)), "native_nftables of the plugin on each node")
		return
	}
	t.Diagnose(map[bool]string{true: "istiod does not ask for nft's rules in new pods", false: "istiod does not ask for iptables' rules in new pods"}[nft],
		"compare global.nativeNftables in ConfigMap istio-sidecar-injector with the arguments of container istio-init", link)
	namespace, err := s.ScratchNamespace(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	want := gomega.ContainElement(nativeArgument)
	if !nft {
		want = gomega.Not(want)
	}
	t.Eventually(ctx, func() ([]string, error) {
		pod, err := kit.Injected(ctx, s, namespace, s.Asking())
		if err != nil {
			return nil, err
		}
		i := slices.IndexFunc(pod.Spec.InitContainers, func(c corev1.Container) bool { return c.Name == "istio-init" })
		if i < 0 {
			return nil, fmt.Errorf("no container istio-init in a new pod, only %v", kit.ContainerNames(pod))
		}
		return pod.Spec.InitContainers[i].Args, nil
	}).WithTimeout(kit.PodsTimeout).Should(want, "arguments of istio-init in a new pod")
}

// pluginSettings are what each node's configuration of the plugin says about nft.
func pluginSettings(ctx context.Context, s *stack.Stack) ([]string, error) {
	var all []string
	for _, node := range s.Cluster.Nodes() {
		text, err := s.Cluster.Exec(ctx, node.Name, `jq -r '.plugins[] | select(.type == "istio-cni") | .native_nftables' "$(ls /etc/cni/net.d/*.conflist | head -1)"`)
		if err != nil {
			return nil, err
		}
		all = append(all, strings.TrimSpace(text))
	}
	return all, nil
}

// keepNative changes the injector's values back whenever they no longer ask for nft.
func keepNative(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	if s.Profile() == stack.ProfileCNI {
		t.Skipf("with chart cni the network plugin writes the rules, and not the injector's container")
	}
	const off, on = `"nativeNftables": false`, `"nativeNftables": true`
	maps := s.Cluster.Kube.CoreV1().ConfigMaps(stack.SystemNamespace)
	events, err := maps.Watch(ctx, metav1.SingleObject(metav1.ObjectMeta{Name: s.Revised("istio-sidecar-injector")}))
	t.Expect(err).NotTo(gomega.HaveOccurred())
	mutation.Whenever(ctx, t, events, func(ctx context.Context, event watch.Event) error {
		changed, is := event.Object.(*corev1.ConfigMap)
		if !is || event.Type == watch.Deleted || !strings.Contains(changed.Data["values"], off) {
			return nil
		}
		changed.Data["values"] = strings.Replace(changed.Data["values"], off, on, 1)
		_, err := maps.Update(ctx, changed, metav1.UpdateOptions{})
		return err
	})
}
