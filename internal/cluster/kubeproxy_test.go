package cluster

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func kubeProxySet(generation int64, updated, available int32) *appsv1.DaemonSet {
	return &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespaceSystem, Name: kubeProxy, Generation: generation},
		Spec: appsv1.DaemonSetSpec{Template: corev1.PodTemplateSpec{Spec: corev1.PodSpec{
			Containers: []corev1.Container{{Name: kubeProxy, Image: "registry.k8s.io/kube-proxy"}},
		}}},
		Status: appsv1.DaemonSetStatus{ObservedGeneration: 2, DesiredNumberScheduled: 2, UpdatedNumberScheduled: updated, NumberAvailable: available},
	}
}

func TestKubeProxyPending(t *testing.T) {
	tests := []struct {
		name  string
		sets  []*appsv1.DaemonSet
		state string
	}{
		{"none", nil, ""},
		{"old status", []*appsv1.DaemonSet{kubeProxySet(3, 2, 2)}, "DaemonSet kube-system/kube-proxy: of 2 pods 2 are of its newest template and 2 available"},
		{"old pod", []*appsv1.DaemonSet{kubeProxySet(2, 1, 2)}, "DaemonSet kube-system/kube-proxy: of 2 pods 1 are of its newest template and 2 available"},
		{"not available", []*appsv1.DaemonSet{kubeProxySet(2, 2, 1)}, "DaemonSet kube-system/kube-proxy: of 2 pods 2 are of its newest template and 1 available"},
		{"all", []*appsv1.DaemonSet{kubeProxySet(2, 2, 2)}, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := kubeProxyPending(tt.sets); got != tt.state {
				t.Errorf("state %q, want %q", got, tt.state)
			}
		})
	}
}

func TestRequestKubeProxyCPU(t *testing.T) {
	kube := fake.NewClientset(kubeProxySet(2, 2, 2))
	c := &Cluster{Clients: &Clients{Kube: kube}, Name: "c"}
	if err := c.requestKubeProxyCPU(t.Context()); err != nil {
		t.Fatal(err)
	}
	set, err := kube.AppsV1().DaemonSets(metav1.NamespaceSystem).Get(t.Context(), kubeProxy, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	container := set.Spec.Template.Spec.Containers[0]
	if got := container.Resources.Requests.Cpu().String(); got != "100m" || container.Image == "" {
		t.Errorf("container %+v: want its image and a CPU request of 100m", container)
	}
}

func TestRequestKubeProxyCPUWithoutKubeProxy(t *testing.T) {
	c := &Cluster{Clients: &Clients{Kube: fake.NewClientset()}, Name: "c"}
	if err := c.requestKubeProxyCPU(t.Context()); err != nil {
		t.Error(err)
	}
}
