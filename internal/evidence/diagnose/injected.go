package diagnose

import (
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/internal/evidence"
)

// ending is how long a sidecar may run on after what it is beside has ended.
const ending = 10 * time.Second

// observeInjected makes records of what a sidecar does to its pod: that it keeps a Job
// from completing, and that probes cannot pass it.
func (w *world) observeInjected() {
	for i := range w.pods {
		pod := &w.pods[i]
		if !injected(pod) || pod.DeletionTimestamp != nil {
			continue
		}
		if job := w.keptJob(pod); job != "" {
			w.add("kept", fileOf(pod.Namespace, podsKind), fmt.Sprintf("Pod %s of Job %s: its containers ended, istio-proxy runs", id(pod.Namespace, pod.Name), job),
				"pod", id(pod.Namespace, pod.Name), "ns", pod.Namespace, "job", id(pod.Namespace, job))
		}
		w.observeProbes(pod)
	}
}

// keptJob returns the Job of a pod of which all containers but the sidecar have ended.
func (w *world) keptJob(pod *corev1.Pod) string {
	owner := slices.IndexFunc(pod.OwnerReferences, func(o metav1.OwnerReference) bool { return o.Kind == "Job" })
	if owner < 0 || len(pod.Status.ContainerStatuses) < 2 {
		return ""
	}
	keeps := false
	for _, s := range pod.Status.ContainerStatuses {
		switch {
		case s.Name == "istio-proxy":
			keeps = s.State.Running != nil
		case s.State.Terminated == nil || w.now.Sub(s.State.Terminated.FinishedAt.Time) < ending:
			return ""
		}
	}
	if !keeps {
		return ""
	}
	return pod.OwnerReferences[owner].Name
}

// observeProbes makes a record of each probe that the kubelet sends to the application
// itself, and not to the agent beside it, who would pass it on: it comes in plain text.
// Source: https://istio.io/latest/docs/ops/configuration/mesh/app-health-check/
func (w *world) observeProbes(pod *corev1.Pod) {
	mtls := w.mutualTLSOf(pod)
	service := ""
	for i := range w.services {
		if s := &w.services[i]; s.Namespace == pod.Namespace && len(s.Spec.Selector) > 0 && selects(s.Spec.Selector, pod.Labels) {
			service = id(s.Namespace, s.Name)
		}
	}
	excluded := pod.Annotations["traffic.sidecar.istio.io/excludeInboundPorts"]
	for _, c := range pod.Spec.Containers {
		if c.Name == "istio-proxy" {
			continue
		}
		for kind, probe := range map[string]*corev1.Probe{"readiness": c.ReadinessProbe, "liveness": c.LivenessProbe, "startup": c.StartupProbe} {
			if probe == nil || probe.HTTPGet == nil {
				continue
			}
			port := probe.HTTPGet.Port.String()
			for _, named := range c.Ports {
				if named.Name != "" && named.Name == port {
					port = fmt.Sprint(named.ContainerPort)
				}
			}
			if port == "15020" || slices.Contains(strings.Split(excluded, ","), port) {
				continue
			}
			w.add("probe", fileOf(pod.Namespace, podsKind), fmt.Sprintf("Pod %s: the %s probe of container %s goes to port %s itself", id(pod.Namespace, pod.Name), kind, c.Name, port),
				"pod", id(pod.Namespace, pod.Name), "ns", pod.Namespace, "container", c.Name, "kind", kind, "port", port, "mtls", mtls, "ready", yes(evidence.Ready(pod)), "service", service)
		}
	}
}
