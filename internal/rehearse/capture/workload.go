package capture

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// proxyContainer is the name of Envoy's container. Source: Istio's pkg/kube/inject.
const proxyContainer = "istio-proxy"

// generated are labels that differ between pods of one shape, or between two roll-outs.
var generated = []string{
	"pod-template-hash", "controller-revision-hash", "pod-template-generation",
	"statefulset.kubernetes.io/pod-name", "apps.kubernetes.io/pod-index",
}

// workloadOf is the shape of one pod, or of the template of several.
func workloadOf(meta map[string]string, annotations map[string]string, namespace, owner string, spec *corev1.PodSpec) *Workload {
	w := &Workload{Namespace: namespace, Owner: owner, ServiceAccount: cmp.Or(spec.ServiceAccountName, "default")}
	w.Labels = maps.Clone(meta)
	for _, key := range generated {
		delete(w.Labels, key)
	}
	// The injector's own are derived from the pod, and the status is long.
	for key, value := range annotations {
		domain, _, _ := strings.Cut(key, "/")
		if configures(domain) && key != "sidecar.istio.io/status" && key != "istio.io/rev" {
			if w.Annotations == nil {
				w.Annotations = map[string]string{}
			}
			w.Annotations[key] = hideText(key, value)
		}
	}
	for _, c := range slices.Concat(spec.InitContainers, spec.Containers) {
		w.Images = append(w.Images, c.Image)
		if c.Name == proxyContainer {
			w.Proxy = c.Image
			continue
		}
		for _, p := range c.Ports {
			w.Ports = append(w.Ports, Port{Name: p.Name, Port: int64(p.ContainerPort), Protocol: string(cmp.Or(p.Protocol, corev1.ProtocolTCP))})
		}
	}
	slices.Sort(w.Images)
	w.Images = slices.Compact(w.Images)
	return w
}

// shape is the same for pods that are alike.
func (w *Workload) shape() string {
	alike := *w
	alike.Pods, alike.Ready, alike.Services = 0, 0, nil
	// Strings, numbers and lists of them always become JSON.
	content, _ := json.Marshal(alike)
	return string(content)
}

// ownerOf names what a pod belongs to. A ReplicaSet's name without its hash is that of
// its Deployment.
func ownerOf(pod *corev1.Pod) string {
	if len(pod.OwnerReferences) == 0 {
		return "Pod " + pod.Name
	}
	owner := pod.OwnerReferences[0]
	if hash := pod.Labels["pod-template-hash"]; owner.Kind == "ReplicaSet" && hash != "" {
		return "Deployment " + strings.TrimSuffix(owner.Name, "-"+hash)
	}
	return owner.Kind + " " + owner.Name
}

// shapes collects pods by their shape.
type shapes map[string]*Workload

func (s shapes) add(w *Workload, pods, ready int) {
	key := w.shape()
	if s[key] == nil {
		s[key] = w
	}
	s[key].Pods += pods
	s[key].Ready += ready
}

// addPod takes in one pod; one that has ended serves nothing.
func (s shapes) addPod(pod *corev1.Pod) {
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		return
	}
	ready := 0
	if slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	}) {
		ready = 1
	}
	s.add(workloadOf(pod.Labels, pod.Annotations, pod.Namespace, ownerOf(pod), &pod.Spec), 1, ready)
}

// select names, in each workload, the Services that select it.
func (m *Mesh) selectPods() {
	for _, service := range m.Of("Service") {
		selector, _ := service.Fields("spec", "selector").(map[string]any)
		if len(selector) == 0 {
			continue
		}
		want := labels.Set{}
		for key, value := range selector {
			want[key] = fmt.Sprint(value)
		}
		for _, w := range m.Workloads {
			if w.Namespace == service.Namespace() && want.AsSelector().Matches(labels.Set(w.Labels)) {
				w.Services = append(w.Services, service.Name())
			}
		}
	}
	for _, w := range m.Workloads {
		slices.Sort(w.Services)
	}
}
