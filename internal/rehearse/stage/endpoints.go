package stage

import (
	"cmp"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"istio-conformance/internal/mesh/kube"
)

// endpoints makes the EndpointSlice that a controller would make.
func (b *builder) endpoints(u *unstructured.Unstructured) {
	var service corev1.Service
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &service); err != nil {
		b.failed = fmt.Errorf("read %s: %w", kube.Name(u), err)
		return
	}
	if len(service.Spec.Selector) == 0 {
		return // its slices are captured
	}
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: service.Namespace, Name: service.Name + "-rehearsal", Labels: map[string]string{
			discoveryv1.LabelServiceName: service.Name, discoveryv1.LabelManagedBy: "endpointslice-controller.k8s.io",
		}},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	var of *corev1.Pod
	for _, pod := range b.pods {
		if pod.Namespace != service.Namespace || !labels.Set(service.Spec.Selector).AsSelector().Matches(labels.Set(pod.Labels)) {
			continue
		}
		of = pod
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{pod.Status.PodIP}, NodeName: ptr.To(nodeName), Zone: ptr.To("zone"),
			Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(b.ready[pod]), Serving: ptr.To(b.ready[pod]), Terminating: ptr.To(false)},
			TargetRef:  &corev1.ObjectReference{Kind: "Pod", Namespace: pod.Namespace, Name: pod.Name},
		})
	}
	for _, p := range service.Spec.Ports {
		if target := targetOf(p, of); target > 0 {
			slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: ptr.To(p.Name), Port: ptr.To(target), Protocol: ptr.To(cmp.Or(p.Protocol, corev1.ProtocolTCP)), AppProtocol: p.AppProtocol})
		}
	}
	b.add(&b.stage.Endpoints, "discovery.k8s.io/v1", "EndpointSlice", slice)
}

// targetOf is the port of the pods that a Service's port leads to.
func targetOf(p corev1.ServicePort, pod *corev1.Pod) int32 {
	if p.TargetPort.Type == intstr.Int {
		return cmp.Or(p.TargetPort.IntVal, p.Port)
	}
	if pod != nil {
		for _, c := range pod.Spec.Containers {
			for _, port := range c.Ports {
				if port.Name == p.TargetPort.StrVal {
					return port.ContainerPort
				}
			}
		}
	}
	return 0
}
