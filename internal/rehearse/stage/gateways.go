package stage

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"

	"istio-conformance/internal/rehearse/capture"
)

func (b *builder) selectedByGateway(w *capture.Workload) bool {
	for _, o := range b.istioGateways() {
		if selector := selectorOf(o); len(selector) > 0 && selector.AsSelector().Matches(labels.Set(w.Labels)) {
			return true
		}
	}
	return false
}

func (b *builder) istioGateways() []*capture.Object {
	return slices.DeleteFunc(b.mesh.Of("Gateway"), func(o *capture.Object) bool { return o.Group() != "networking.istio.io" })
}

func selectorOf(o *capture.Object) labels.Set {
	found := labels.Set{}
	selector, _ := o.Fields("spec", "selector").(map[string]any)
	for key, value := range selector {
		found[key] = fmt.Sprint(value)
	}
	return found
}

// missingGateways makes a pod and a Service for each Gateway that selects none.
func (b *builder) missingGateways() {
	made := map[string]bool{}
	for _, o := range b.istioGateways() {
		selector := selectorOf(o)
		key := selector.String()
		if len(selector) == 0 || made[key] || slices.ContainsFunc(b.pods, func(p *corev1.Pod) bool { return selector.AsSelector().Matches(labels.Set(p.Labels)) }) {
			continue
		}
		made[key] = true
		name := cmp.Or(selector["istio"], selector["app"], "gateway")
		b.note(fmt.Sprintf("no pod of the capture is selected by %s (%s): a gateway %s in istio-system stands for it", o, key, name))
		b.gateway("istio-system", name, name, selector, b.portsOf(key), nil)
	}
}

// portsOf are the ports of all Gateways with the same selector.
func (b *builder) portsOf(selector string) []int32 {
	ports := map[int32]bool{}
	for _, o := range b.istioGateways() {
		if selectorOf(o).String() != selector {
			continue
		}
		servers, _ := o.Fields("spec", "servers").([]any)
		for _, server := range servers {
			s, _ := server.(map[string]any)
			port, _ := s["port"].(map[string]any)
			ports[number(port["number"])] = true
		}
	}
	return slices.Sorted(maps.Keys(ports))
}

// managedGateways makes what istiod makes of Gateways of the Gateway API, where the
// capture has it not.
func (b *builder) managedGateways() {
	for _, o := range b.mesh.Of("Gateway") {
		class, _ := o.Fields("spec", "gatewayClassName").(string)
		if !strings.HasPrefix(o.Group(), "gateway.networking.") || class != "istio" || o.Fields("spec", "addresses") != nil {
			continue
		}
		name := o.Name() + "-" + class
		set := labels.Set{"gateway.networking.k8s.io/gateway-name": o.Name()}
		if slices.ContainsFunc(b.pods, func(p *corev1.Pod) bool {
			return p.Namespace == o.Namespace() && set.AsSelector().Matches(labels.Set(p.Labels))
		}) {
			continue
		}
		ports := map[int32]bool{}
		listeners, _ := o.Fields("spec", "listeners").([]any)
		for _, listener := range listeners {
			l, _ := listener.(map[string]any)
			ports[number(l["port"])] = true
		}
		b.gateway(o.Namespace(), name, name, set, slices.Sorted(maps.Keys(ports)), set)
	}
}

// gateway makes a gateway's pod and its Service.
func (b *builder) gateway(namespace, name, account string, set labels.Set, ports []int32, serviceLabels labels.Set) {
	pod := b.pod(namespace, name+"-0", account, set, nil, nil, true)
	b.stage.Proxies = append(b.stage.Proxies, &Proxy{
		Gateway: true, Namespace: namespace, Name: name, Pod: pod.Name, Address: pod.Status.PodIP, ServiceAccount: account, Labels: set,
	})
	if slices.ContainsFunc(b.stage.Services, func(u *unstructured.Unstructured) bool { return u.GetNamespace() == namespace && u.GetName() == name }) {
		return
	}
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: serviceLabels}, Spec: corev1.ServiceSpec{Selector: set}}
	for _, port := range ports {
		if port > 0 {
			service.Spec.Ports = append(service.Spec.Ports, corev1.ServicePort{Name: fmt.Sprintf("tcp-%d", port), Port: port, TargetPort: intstr.FromInt32(port), Protocol: corev1.ProtocolTCP})
		}
	}
	if len(service.Spec.Ports) > 0 {
		b.add(&b.stage.Services, "v1", "Service", service)
	}
}

func number(v any) int32 {
	switch n := v.(type) {
	case int64:
		return int32(n)
	case float64:
		return int32(n)
	}
	return 0
}
