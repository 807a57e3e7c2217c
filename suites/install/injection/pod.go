package injection

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Names of what istiod adds to a pod.
const (
	proxy       = "istio-proxy"
	initializer = "istio-init"
	validator   = "istio-validation"
)

// container returns a pod's container of that name, and whether it is among the
// init containers.
func container(pod *corev1.Pod, name string) (found *corev1.Container, init bool) {
	named := func(c corev1.Container) bool { return c.Name == name }
	if i := slices.IndexFunc(pod.Spec.InitContainers, named); i >= 0 {
		return &pod.Spec.InitContainers[i], true
	}
	if i := slices.IndexFunc(pod.Spec.Containers, named); i >= 0 {
		return &pod.Spec.Containers[i], false
	}
	return nil, false
}
