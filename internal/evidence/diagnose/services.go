package diagnose

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"istio-conformance/internal/evidence"
)

// observeServices makes records of Services, their ports and what they select.
func (w *world) observeServices() {
	for i := range w.services {
		s := &w.services[i]
		name, file := id(s.Namespace, s.Name), fileOf(s.Namespace, "services")
		pods := w.podsOf(s.Namespace, s.Spec.Selector)
		selected, endpoints := "unknown", "unknown"
		if len(s.Spec.Selector) > 0 && w.listed(s.Namespace, "pods") {
			selected = strconv.Itoa(len(pods))
			if len(pods) == 0 && w.workload(s.Namespace, s.Spec.Selector) {
				selected = "idle"
			}
		}
		if w.listed(s.Namespace, "endpointslices.discovery.k8s.io") {
			endpoints = strconv.Itoa(len(w.endpoints(s)))
			if endpoints == "0" && len(pods) > 0 && !slices.ContainsFunc(pods, func(p *corev1.Pod) bool { return w.now.Sub(p.CreationTimestamp.Time) > settling }) {
				endpoints = "starting"
			}
		}
		kind := "plain"
		if slices.ContainsFunc(pods, evidence.Gateway) {
			kind = "gateway"
		}
		pending := s.Spec.Type == corev1.ServiceTypeLoadBalancer && len(s.Status.LoadBalancer.Ingress) == 0 && w.now.Sub(s.CreationTimestamp.Time) > settling
		selector := labelText(s.Spec.Selector)
		w.add("service", file, fmt.Sprintf("Service %s: type %s, selector {%s} matches %s pods, %s ready endpoints, addresses %d",
			name, s.Spec.Type, selector, selected, endpoints, len(s.Status.LoadBalancer.Ingress)),
			"service", name, "ns", s.Namespace, "type", string(s.Spec.Type), "pending", yes(pending), "selector", selector,
			"selected", selected, "endpoints", endpoints, "role", kind, "policy", string(s.Spec.ExternalTrafficPolicy),
			"uncovered", yes(w.uncovered(pods)))
		for _, p := range s.Spec.Ports {
			w.observePort(s, p, pods, name, file)
		}
	}
}

func (w *world) observePort(s *corev1.Service, p corev1.ServicePort, pods []*corev1.Pod, name, file string) {
	target := "unknown"
	if named := p.TargetPort.StrVal; named != "" && len(pods) > 0 {
		target = "unknown-name"
		for _, pod := range pods {
			for _, c := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
				if slices.ContainsFunc(c.Ports, func(cp corev1.ContainerPort) bool { return cp.Name == named }) {
					target = "ok"
				}
			}
		}
	}
	w.add("port", file, fmt.Sprintf("Service %s: port %d %q to %s", name, p.Port, p.Name, p.TargetPort.String()),
		"service", name, "ns", s.Namespace, "port", strconv.Itoa(int(p.Port)), "name", p.Name, "declared", declared(p),
		"target", target, "targetPort", p.TargetPort.String())
}

// declared is the protocol that a port declares: http, tcp, ..., or "none" where
// Istio has to detect it.
// Source: https://istio.io/latest/docs/ops/configuration/traffic-management/protocol-selection/
func declared(p corev1.ServicePort) string {
	if p.AppProtocol != nil {
		switch protocol := strings.ToLower(*p.AppProtocol); protocol {
		case "kubernetes.io/h2c":
			return "http2"
		case "kubernetes.io/ws", "kubernetes.io/wss":
			return "http"
		default:
			return protocol
		}
	}
	prefix, _, _ := strings.Cut(strings.ToLower(p.Name), "-")
	known := []string{"http", "http2", "https", "grpc", "grpc-web", "tcp", "tls", "mongo", "mysql", "redis", "udp"}
	if slices.Contains(known, prefix) {
		return prefix
	}
	return "none"
}

// workload says whether a selector has the labels of pods that a Deployment,
// StatefulSet or DaemonSet makes, or would make.
func (w *world) workload(namespace string, selector map[string]string) bool {
	wanted := labels.SelectorFromSet(selector)
	matches := func(object metav1.ObjectMeta, template corev1.PodTemplateSpec) bool {
		return object.Namespace == namespace && wanted.Matches(labels.Set(template.Labels))
	}
	return slices.ContainsFunc(w.deployments, func(d appsv1.Deployment) bool { return matches(d.ObjectMeta, d.Spec.Template) }) ||
		slices.ContainsFunc(w.statefuls, func(s appsv1.StatefulSet) bool { return matches(s.ObjectMeta, s.Spec.Template) }) ||
		slices.ContainsFunc(w.daemonsets, func(d appsv1.DaemonSet) bool { return matches(d.ObjectMeta, d.Spec.Template) })
}

// podsOf returns a namespace's pods that have a selector's labels; none for no selector.
func (w *world) podsOf(namespace string, selector map[string]string) []*corev1.Pod {
	var found []*corev1.Pod
	if len(selector) == 0 {
		return nil
	}
	for i := range w.pods {
		if p := &w.pods[i]; (namespace == "" || p.Namespace == namespace) && selects(selector, p.Labels) {
			found = append(found, p)
		}
	}
	return found
}

// endpoints are a Service's ready addresses.
func (w *world) endpoints(s *corev1.Service) []string {
	found := map[string]bool{}
	for i := range w.slices {
		slice := &w.slices[i]
		if slice.Namespace != s.Namespace || slice.Labels["kubernetes.io/service-name"] != s.Name {
			continue
		}
		for _, e := range slice.Endpoints {
			if e.Conditions.Ready == nil || *e.Conditions.Ready {
				for _, address := range e.Addresses {
					found[address] = true
				}
			}
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// uncovered says whether a node that can run pods has none of these.
func (w *world) uncovered(pods []*corev1.Pod) bool {
	if len(pods) == 0 {
		return false
	}
	return slices.ContainsFunc(w.nodes, func(n corev1.Node) bool {
		return !n.Spec.Unschedulable && !slices.ContainsFunc(pods, func(p *corev1.Pod) bool { return p.Spec.NodeName == n.Name && evidence.Ready(p) })
	})
}

func labelText(labels map[string]string) string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, k+"="+labels[k])
	}
	return strings.Join(parts, ",")
}

// service returns a Service by namespace and name, or nil.
func (w *world) service(namespace, name string) *corev1.Service {
	i := slices.IndexFunc(w.services, func(s corev1.Service) bool { return s.Namespace == namespace && s.Name == name })
	if i < 0 {
		return nil
	}
	return &w.services[i]
}
