package redirection

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// ownTable is a firewall as an operator has it on a node, in the family and with the hooks
// that Istio's rules use too. It lets everything pass.
const (
	ownTable = "inet conformance-firewall"
	ownRules = `set -eu
nft -f - <<'END'
add table ` + ownTable + `
delete table ` + ownTable + `
table ` + ownTable + ` {
  set allowed { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 192.0.2.0/24 } }
  chain prerouting { type nat hook prerouting priority dstnat + 5; policy accept; tcp dport 65000 counter redirect to :65001; }
  chain input { type filter hook input priority filter + 5; policy accept; ip saddr @allowed counter accept; }
}
END`
	dropOwn = "nft delete table " + ownTable + " 2>/dev/null || true"
)

// agentSelector matches the agents of chart cni.
const agentSelector = "k8s-app=istio-cni-node"

var _ = Checks.AddAt(2, firewall)

// firewall compares the nodes' rules before and after pods came and went.
func firewall(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "nodes-own-rules",
		Promise: "with global.nativeNftables the nodes' own rules are the same after pods with sidecars came and went, and after the agents of chart cni were restarted where it is installed",
		Timeout: 4 * time.Minute,
		Run: func(ctx context.Context, t *check.T) {
			t.CleanupWithin(ctx, kit.CleanupTimeout, func(ctx context.Context) {
				t.Expect(onNodes(ctx, s, dropOwn)).To(gomega.Succeed())
			})
			t.Expect(onNodes(ctx, s, ownRules)).To(gomega.Succeed(), "write rules on the nodes")
			before, err := nodeRules(ctx, s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			c := kit.NewScratch(ctx, t, s, "nft-node")
			c.Workload(ctx, t, map[string]string{"Inject": "true"})
			mustPass(ctx, t, s, c)
			restarted := restartAgents(ctx, t, s)
			mustPass(ctx, t, s, c)
			t.Expect(s.Client.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(c.Namespace), client.MatchingLabels{"app": c.Name})).To(gomega.Succeed())
			t.Eventually(ctx, func() ([]corev1.Pod, error) { return s.Pods(ctx, c.Namespace, c.Selector()) }).WithTimeout(kit.PodsTimeout).
				Should(gomega.And(gomega.HaveLen(1), gomega.HaveEach(gomega.HaveField("DeletionTimestamp", gomega.BeNil()))), "the workload's pod was replaced")
			t.Diagnose("the nodes' own rules are not as they were before pods with sidecars came and went", "compare nft list ruleset on the node with what is missing or new above", link)
			t.Eventually(ctx, func() ([]string, error) {
				after, err := nodeRules(ctx, s)
				return changed(before, after), err
			}).Should(gomega.BeEmpty(), "rules of the nodes that are missing (-) or new (+)")
			t.Observe("%d objects of nft on %d nodes, kube-proxy's and the network plugins' left out; %s", len(before), len(s.Cluster.Nodes()), restarted)
		},
		Breaks: []check.Break{{
			Name: "nodes-rules-flushed", Promise: "a node whose own rules are gone when a pod has started is noticed",
			Make: func(ctx context.Context, t *check.T) { flushWithPods(ctx, t, s) },
			Says: "the nodes' own rules are not as they were",
		}},
	}
}

// onNodes runs a script on every node.
func onNodes(ctx context.Context, s *stack.Stack, script string) error {
	return s.OnEachNode(func(node string) error {
		_, err := s.Cluster.Exec(ctx, node, script)
		return err
	})
}

// nodeRules are the rules of all nodes, each behind its node's name.
func nodeRules(ctx context.Context, s *stack.Stack) ([]string, error) {
	var all []string
	for _, node := range s.Cluster.Nodes() {
		text, err := s.Cluster.Exec(ctx, node.Name, "nft --json --stateless list ruleset 2>/dev/null")
		if err != nil {
			return nil, err
		}
		rules, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("node %s: %w", node.Name, err)
		}
		lines, err := rules.lines()
		if err != nil {
			return nil, fmt.Errorf("node %s: %w", node.Name, err)
		}
		for _, line := range lines {
			all = append(all, node.Name+" "+line)
		}
	}
	return all, nil
}

// changed are the lines that are only in one of two sorted lists.
func changed(before, after []string) []string {
	var all []string
	for _, line := range before {
		if !slices.Contains(after, line) {
			all = append(all, "- "+line)
		}
	}
	for _, line := range after {
		if !slices.Contains(before, line) {
			all = append(all, "+ "+line)
		}
	}
	return all
}

// restartAgents replaces the agents of chart cni, waits for new ones, and says so.
func restartAgents(ctx context.Context, t *check.T, s *stack.Stack) string {
	t.Helper()
	old, err := s.Pods(ctx, stack.SystemNamespace, agentSelector)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	if len(old) == 0 {
		return "no agents of chart cni are installed"
	}
	t.Diagnose("the agents of chart cni do not become ready again", "look at their pods, events and logs in the evidence", "https://istio.io/latest/docs/ops/diagnostic-tools/cni/")
	t.Expect(s.Client.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(stack.SystemNamespace), client.MatchingLabels{"k8s-app": "istio-cni-node"})).To(gomega.Succeed())
	t.Eventually(ctx, func() ([]string, error) {
		pods, err := s.ReadyPods(ctx, stack.SystemNamespace, agentSelector)
		return kit.PodNames(pods), err
	}).WithTimeout(kit.PodsTimeout).Should(gomega.And(gomega.HaveLen(len(old)), gomega.Not(gomega.ContainElements(kit.PodNames(old)))), "ready agents of chart cni")
	return fmt.Sprintf("%d agents of chart cni were replaced", len(old))
}

// flushWithPods empties the nodes' own table whenever a pod is made.
func flushWithPods(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	namespace, err := s.ScratchNamespace(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	events, err := s.Cluster.Kube.CoreV1().Pods(namespace).Watch(ctx, metav1.ListOptions{})
	t.Expect(err).NotTo(gomega.HaveOccurred())
	mutation.Whenever(ctx, t, events, func(ctx context.Context, event watch.Event) error {
		if event.Type != watch.Added {
			return nil
		}
		return onNodes(ctx, s, "if nft list table "+ownTable+" >/dev/null 2>&1; then nft flush table "+ownTable+"; fi")
	})
}
