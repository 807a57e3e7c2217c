package outage

import (
	"context"
	"slices"
	"time"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/kit/flow"
)

// movedTimeout bounds the time until the pods of a lost node run elsewhere: Kubernetes
// waits 40 s until it believes that a Node is gone, and looks every 20 s.
// Source: k8s.io/kubernetes pkg/controller/podgc.
const movedTimeout = 4 * time.Minute

// Last: pods of all kinds start elsewhere.
var _ = resources.AddAt(4, nodeLost)

// nodeLost halts the node with istiod and the gateway for good, as far as the cluster can
// tell: its Node is deleted, as an operator or an autoscaler does.
func nodeLost(s *stack.Stack) check.Check {
	const link = "https://kubernetes.io/docs/concepts/architecture/nodes/"
	return check.Check{
		Name:    "node-lost",
		Promise: "when the node with istiod and the gateway is lost for good, another gateway serves without a failed request, istiod and the gateway start elsewhere, and new configuration flows",
		Timeout: 10 * time.Minute,
		Run: func(ctx context.Context, t *check.T) {
			t.CleanupWithin(ctx, 2*backTimeout, func(ctx context.Context) {
				// Scheduled anew, the backends are on both nodes again.
				restart(ctx, t, s, s.Namespace, "backend-v1")
			})
			r := prepare(ctx, t, s, "a node is lost", "outage-node", nil)
			entry := s.Cluster.Nodes()[0].Name
			other := otherNode(ctx, t, s, entry)
			letAllIn(ctx, t, s, entry)
			pod := mustServeOn(ctx, t, s, entry)
			onlyLocalGateways(ctx, t, s)
			mustEnterBy(ctx, t, r, pod)
			r.startKinds(ctx, t, flow.Kinds("")[:2]) // from pod to pod the route does not apply
			giveBack := loseNode(ctx, t, s, other)
			lost := time.Now()
			t.Diagnose("pods of a lost node do not start elsewhere", "look at the pods of istiod and the gateway in the evidence: is there a node on which they may run?", link)
			for _, d := range []client.ObjectKey{{Namespace: stack.SystemNamespace, Name: "istiod"}, {Namespace: s.Gateway.Namespace, Name: s.Gateway.Release}} {
				t.Eventually(ctx, func() ([]string, error) { return readyNodes(ctx, s, d) }).WithTimeout(movedTimeout).WithPolling(time.Second).
					Should(gomega.And(gomega.Not(gomega.BeEmpty()), gomega.HaveEach(entry)), "nodes of the ready pods of Deployment %s", d)
			}
			t.Observe("istiod and the gateway were ready on the other node %s after the node was lost", wait(time.Since(lost)))
			r.configure(ctx, t)
			giveBack(ctx)
			r.judge(ctx, t, flow.Nothing, "look for the failed requests' flags and upstream_host in the gateway's access log in the evidence: was another pod tried?", link)
		},
		Breaks: []check.Break{{
			Name: "istiod-tied-to-its-node", Promise: "an istiod that may run on one node alone is noticed",
			Make: func(ctx context.Context, t *check.T) {
				node := kit.IstiodPods(ctx, t, s)[0].Spec.NodeName
				kit.PatchIstiod(ctx, t, s, `{"spec":{"template":{"spec":{"nodeSelector":{"kubernetes.io/hostname":"`+node+`"}}}}}`, `{"spec":{"template":{"spec":{"nodeSelector":{"kubernetes.io/hostname":null}}}}}`)
			},
			Says: "pods of a lost node do not start elsewhere",
		}},
	}
}

// readyNodes are the nodes on which a Deployment's pods are ready, but for pods of Nodes that
// are gone: nobody tells the API server that these have ended.
func readyNodes(ctx context.Context, s *stack.Stack, key client.ObjectKey) ([]string, error) {
	d := &appsv1.Deployment{}
	if err := s.Client.Get(ctx, key, d); err != nil {
		return nil, err
	}
	pods, err := s.ReadyPods(ctx, key.Namespace, metav1.FormatLabelSelector(d.Spec.Selector))
	var nodes []string
	for _, pod := range pods {
		if pod.OwnerReferences != nil { // not the gateway pod that the check made itself
			nodes = append(nodes, pod.Spec.NodeName)
		}
	}
	return nodes, err
}

// letAllIn takes a node's taints away until the check ends: of two nodes the one that is
// left must take all pods.
func letAllIn(ctx context.Context, t *check.T, s *stack.Stack, name string) {
	t.Helper()
	nodes := s.Cluster.Kube.CoreV1().Nodes()
	node, err := nodes.Get(ctx, name, metav1.GetOptions{})
	t.Expect(err).NotTo(gomega.HaveOccurred())
	old := slices.Clone(node.Spec.Taints)
	if len(old) == 0 {
		return
	}
	set := func(ctx context.Context, taints []corev1.Taint) {
		node, err := nodes.Get(ctx, name, metav1.GetOptions{})
		t.Expect(err).NotTo(gomega.HaveOccurred())
		node.Spec.Taints = taints
		_, err = nodes.Update(ctx, node, metav1.UpdateOptions{})
		t.Expect(err).NotTo(gomega.HaveOccurred(), "taints of node %s", name)
	}
	t.CleanupWithin(ctx, kit.CleanupTimeout, func(ctx context.Context) { set(ctx, old) })
	set(ctx, nil)
}

// loseNode halts a node and deletes its Node, and returns how to give it back, which also
// happens when the check ends: a Node with the same range of pod addresses, for which routes
// are there, and then its machine.
func loseNode(ctx context.Context, t *check.T, s *stack.Stack, name string) (giveBack func(context.Context)) {
	t.Helper()
	nodes := s.Cluster.Kube.CoreV1().Nodes()
	node, err := nodes.Get(ctx, name, metav1.GetOptions{})
	t.Expect(err).NotTo(gomega.HaveOccurred())
	again := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: node.Labels, Annotations: node.Annotations},
		Spec:       corev1.NodeSpec{PodCIDR: node.Spec.PodCIDR, PodCIDRs: node.Spec.PodCIDRs, ProviderID: node.Spec.ProviderID, Taints: node.Spec.Taints},
	}
	giveBack = func(ctx context.Context) {
		t.Helper()
		_, err := nodes.Create(ctx, again.DeepCopy(), metav1.CreateOptions{})
		t.Expect(client.IgnoreAlreadyExists(err)).NotTo(gomega.HaveOccurred(), "make Node %s again", name)
		t.Expect(s.Cluster.Resume(ctx, name)).To(gomega.Succeed())
	}
	t.CleanupWithin(ctx, backTimeout, giveBack)
	t.Diagnose("the container engine cannot pause a node", "the message says why", "https://docs.docker.com/reference/cli/docker/container/pause/")
	t.Expect(s.Cluster.Pause(ctx, name)).To(gomega.Succeed())
	t.Expect(nodes.Delete(ctx, name, metav1.DeleteOptions{})).To(gomega.Succeed())
	return giveBack
}
