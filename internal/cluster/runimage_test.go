package cluster

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

// becoming is a cluster in which every new pod has that status.
func becoming(status corev1.PodStatus) *fake.Clientset {
	kube := fake.NewClientset()
	kube.PrependReactor("create", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		create, ok := action.(clienttesting.CreateAction)
		if !ok {
			return false, nil, nil
		}
		pod, ok := create.GetObject().(*corev1.Pod)
		if ok {
			pod.Name, pod.Status = pod.GenerateName+"x", status // the fake makes no names
		}
		return false, nil, nil
	})
	return kube
}

func containerIn(state corev1.ContainerState) []corev1.ContainerStatus {
	return []corev1.ContainerStatus{{Name: "program", State: state}}
}

func TestRunImage(t *testing.T) {
	ended := corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 1, Reason: "Error"}}
	for what, test := range map[string]struct {
		status corev1.PodStatus
		want   string // of the error; empty when it ran
	}{
		"ended with status 1": {corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: containerIn(ended)}, ""},
		"no such image": {corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: containerIn(corev1.ContainerState{
			Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImageNeverPull", Message: "not present"}})},
			"image hub/proxyv2:1: run envoy: ErrImageNeverPull: not present"},
		"no such program": {corev1.PodStatus{Phase: corev1.PodFailed, ContainerStatuses: containerIn(corev1.ContainerState{
			Terminated: &corev1.ContainerStateTerminated{Reason: "StartError", Message: "exec: \"envoy\":\nnot found"}})},
			`image hub/proxyv2:1: run envoy: StartError: exec: "envoy": not found`},
		"refused by its node": {corev1.PodStatus{Phase: corev1.PodFailed, Reason: "OutOfpods", Message: "too many"}, "image hub/proxyv2:1: run envoy: OutOfpods: too many"},
		"no node": {corev1.PodStatus{Phase: corev1.PodPending, Conditions: []corev1.PodCondition{
			{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/2 nodes"}}},
			"image hub/proxyv2:1: run envoy: its pod waits for a node: 0/2 nodes, after"},
		"starting for ever": {corev1.PodStatus{Phase: corev1.PodPending, ContainerStatuses: containerIn(corev1.ContainerState{
			Waiting: &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}})}, "its pod is Pending, after"},
	} {
		// The bubble's clock stands while anything runs: no load of the machine is in it.
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &Clients{Kube: becoming(test.status)}
				printed, err := c.RunImage(t.Context(), "hub/proxyv2:1", 300*time.Millisecond, "envoy", "-l", "info")
				if test.want == "" && (err != nil || printed != "fake logs") {
					t.Errorf("got %q, %v", printed, err)
				}
				if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
					t.Errorf("got %v, want %q", err, test.want)
				}
				left, err := c.Kube.CoreV1().Pods("").List(context.WithoutCancel(t.Context()), metav1.ListOptions{})
				if err != nil || len(left.Items) != 0 {
					t.Errorf("%d pods are left, %v", len(left.Items), err)
				}
			})
		})
	}
}
