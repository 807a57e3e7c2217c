package cluster

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"

	"istio-conformance/internal/process/exitcode"
)

// dnsSelector selects the Deployment of the cluster's DNS: kubeadm, and most
// others, give CoreDNS this label.
const dnsSelector = "k8s-app=kube-dns"

// Ready waits at most timeout until every node is Ready and the cluster's DNS is
// Available. DNS belongs to it because a proxy that starts before it fails its
// first look-ups, backs off, and needs much longer to start. The error names
// what was missing last and has exit status exitcode.Environment.
func (c *Cluster) Ready(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	nodes := func(list []*corev1.Node) string { return nodesNotReady(list, len(c.nodes)) }
	if err := await(ctx, nodeWatch(c.Kube), &corev1.Node{}, nodes); err != nil {
		return exitcode.Environmentf("cluster %s is not ready: %w", c.Name, err)
	}
	if err := await(ctx, dnsWatch(c.Kube), &appsv1.Deployment{}, dnsNotAvailable); err != nil {
		return exitcode.Environmentf("cluster %s is not ready: %w", c.Name, err)
	}
	return nil
}

// nodesNotReady names the nodes that are not Ready, and the missing ones when
// fewer than want exist.
func nodesNotReady(nodes []*corev1.Node, want int) string {
	if len(nodes) == 0 || len(nodes) < want {
		return fmt.Sprintf("%d of %d nodes have joined", len(nodes), max(want, 1))
	}
	var waiting []string
	for _, node := range nodes {
		if state := nodeState(node); state != "" {
			waiting = append(waiting, state)
		}
	}
	slices.Sort(waiting)
	return strings.Join(waiting, "; ")
}

// nodeState says why a node is not Ready, "" when it is.
func nodeState(node *corev1.Node) string {
	for _, condition := range node.Status.Conditions {
		if condition.Type != corev1.NodeReady {
			continue
		}
		if condition.Status == corev1.ConditionTrue {
			return ""
		}
		return fmt.Sprintf("node %s is not Ready (%s: %s)", node.Name, condition.Reason, oneLine(condition.Message))
	}
	return fmt.Sprintf("node %s has not reported yet", node.Name)
}

// dnsNotAvailable names the state of the DNS Deployments that are not Available.
func dnsNotAvailable(deployments []*appsv1.Deployment) string {
	if len(deployments) == 0 {
		return "no Deployment kube-system with label " + dnsSelector + " (CoreDNS)"
	}
	var waiting []string
	for _, d := range deployments {
		available := slices.ContainsFunc(d.Status.Conditions, func(c appsv1.DeploymentCondition) bool {
			return c.Type == appsv1.DeploymentAvailable && c.Status == corev1.ConditionTrue
		})
		if !available || d.Status.AvailableReplicas == 0 || d.Status.ObservedGeneration < d.Generation {
			waiting = append(waiting, fmt.Sprintf("Deployment %s/%s is not Available (%d of %d replicas)",
				d.Namespace, d.Name, d.Status.AvailableReplicas, d.Status.Replicas))
		}
	}
	slices.Sort(waiting)
	return strings.Join(waiting, "; ")
}

func nodeWatch(kube kubernetes.Interface) cache.ListerWatcher {
	return listerWatcher(kube, kube.CoreV1().Nodes(), metav1.ListOptions{})
}

func dnsWatch(kube kubernetes.Interface) cache.ListerWatcher {
	return listerWatcher(kube, kube.AppsV1().Deployments(metav1.NamespaceSystem), metav1.ListOptions{LabelSelector: dnsSelector})
}
