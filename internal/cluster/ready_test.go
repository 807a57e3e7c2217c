package cluster

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	"istio-conformance/internal/process/exitcode"
)

func readyNode(name string, status corev1.ConditionStatus) *corev1.Node {
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Status: corev1.NodeStatus{Conditions: []corev1.NodeCondition{
			{Type: corev1.NodeMemoryPressure, Status: corev1.ConditionFalse},
			{Type: corev1.NodeReady, Status: status, Reason: "KubeletNotReady", Message: "cni plugin\nnot initialized"},
		}},
	}
}

func coreDNS(available corev1.ConditionStatus, replicas int32) *appsv1.Deployment {
	return &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "coredns", Namespace: "kube-system", Labels: map[string]string{"k8s-app": "kube-dns"}},
		Status: appsv1.DeploymentStatus{Replicas: 2, AvailableReplicas: replicas, Conditions: []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentAvailable, Status: available},
		}},
	}
}

func TestNodesNotReady(t *testing.T) {
	tests := []struct {
		name  string
		nodes []*corev1.Node
		want  int
		state string
	}{
		{"none", nil, 0, "0 of 1 nodes have joined"},
		{"one missing", []*corev1.Node{readyNode("a", "True")}, 2, "1 of 2 nodes have joined"},
		{"not reported", []*corev1.Node{{ObjectMeta: metav1.ObjectMeta{Name: "a"}}}, 1, "node a has not reported yet"},
		{"not ready", []*corev1.Node{readyNode("b", "False"), readyNode("a", "Unknown")}, 2,
			"node a is not Ready (KubeletNotReady: cni plugin not initialized); node b is not Ready (KubeletNotReady: cni plugin not initialized)"},
		{"ready", []*corev1.Node{readyNode("a", "True"), readyNode("b", "True")}, 2, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := nodesNotReady(tt.nodes, tt.want); got != tt.state {
				t.Errorf("state %q, want %q", got, tt.state)
			}
		})
	}
}

func TestDNSNotAvailable(t *testing.T) {
	old := coreDNS("True", 1)
	old.Generation = 2
	tests := []struct {
		name  string
		list  []*appsv1.Deployment
		state string
	}{
		{"none", nil, "no Deployment kube-system with label k8s-app=kube-dns (CoreDNS)"},
		{"not available", []*appsv1.Deployment{coreDNS("False", 0)}, "Deployment kube-system/coredns is not Available (0 of 2 replicas)"},
		{"no replica", []*appsv1.Deployment{coreDNS("True", 0)}, "Deployment kube-system/coredns is not Available (0 of 2 replicas)"},
		{"old status", []*appsv1.Deployment{old}, "Deployment kube-system/coredns is not Available (1 of 2 replicas)"},
		{"available", []*appsv1.Deployment{coreDNS("True", 1)}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := dnsNotAvailable(tt.list); got != tt.state {
				t.Errorf("state %q, want %q", got, tt.state)
			}
		})
	}
}

func TestReadyFollowsChanges(t *testing.T) {
	kube := fake.NewClientset(readyNode("a", "False"))
	c := &Cluster{Clients: &Clients{Kube: kube}, Name: "c"}
	done := make(chan error, 1)
	go func() { done <- c.Ready(t.Context(), time.Minute) }()
	// Whether these come before or after the first list must not matter.
	if _, err := kube.AppsV1().Deployments("kube-system").Create(t.Context(), coreDNS("True", 1), metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := kube.CoreV1().Nodes().Update(t.Context(), readyNode("a", "True"), metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestReadySaysWhatIsMissing(t *testing.T) {
	// The bubble's clock stands while anything runs: no load of the machine is in it.
	synctest.Test(t, func(t *testing.T) {
		c := &Cluster{Clients: &Clients{Kube: fake.NewClientset(readyNode("a", "True"), coreDNS("False", 0))}, Name: "c"}
		err := c.Ready(t.Context(), 300*time.Millisecond)
		checkError(t, err, exitcode.Environment, "cluster c is not ready", "Deployment kube-system/coredns is not Available", "deadline exceeded")
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		checkError(t, c.Ready(ctx, time.Minute), exitcode.Environment, "canceled")
	})
}
