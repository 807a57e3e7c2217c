package diagnose

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/evidence"
)

// recent bounds what still counts as happening now.
const recent = 10 * time.Minute

// settling is how long a new object may take to become what it should be.
const settling = time.Minute

// role says what a pod is in the mesh.
func role(pod *corev1.Pod) string {
	switch {
	case pod.Labels["app"] == "istiod":
		return "istiod"
	case evidence.Gateway(pod):
		return "gateway"
	case injected(pod):
		return "sidecar"
	}
	return "plain"
}

func injected(pod *corev1.Pod) bool {
	return slices.ContainsFunc(slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers), func(c corev1.Container) bool {
		return c.Name == "istio-proxy"
	})
}

// observePods makes records of pods, their containers and their conditions.
func (w *world) observePods() {
	for i := range w.pods {
		pod := &w.pods[i]
		if pod.DeletionTimestamp != nil {
			continue // on its way out: what it says is no longer so
		}
		file, name := fileOf(pod.Namespace, "pods"), id(pod.Namespace, pod.Name)
		ready, asked := yes(evidence.Ready(pod)), w.asks(pod)
		w.add("pod", file, fmt.Sprintf("Pod %s: phase %s, ready %s %s", name, pod.Status.Phase, ready, pod.Status.Reason),
			"pod", name, "ns", pod.Namespace, "role", role(pod), "phase", string(pod.Status.Phase), "ready", ready,
			"reason", pod.Status.Reason, "message", pod.Status.Message, "node", pod.Spec.NodeName,
			"injected", yes(injected(pod)), "wanted", yes(asked != ""), "asked", asked, "hostNetwork", yes(pod.Spec.HostNetwork),
			"injectors", w.injectorsOf(pod), "mtls", w.mutualTLSOf(pod), "rev", pod.Labels["istio.io/rev"], "labelled", w.labelled(pod))
		for _, c := range pod.Status.Conditions {
			w.condition(file, "Pod", name, pod.Namespace, name, string(c.Type), string(c.Status), c.Reason, c.Message)
		}
		w.observeContainers(pod, pod.Spec.InitContainers, pod.Status.InitContainerStatuses, true)
		w.observeContainers(pod, pod.Spec.Containers, pod.Status.ContainerStatuses, false)
	}
}

func (w *world) condition(file, kind, object, namespace, pod, conditionType, status, reason, message string) {
	w.add("condition", file, strings.TrimSpace(fmt.Sprintf("%s %s: %s=%s %s %s", kind, object, conditionType, status, reason, shorten(message))),
		"kind", kind, "object", object, "ns", namespace, "pod", pod, "type", conditionType, "status", status, "reason", reason, "message", message)
}

func (w *world) observeContainers(pod *corev1.Pod, specs []corev1.Container, statuses []corev1.ContainerStatus, init bool) {
	for i := range specs {
		spec := &specs[i]
		fields := map[string]string{
			"pod": id(pod.Namespace, pod.Name), "ns": pod.Namespace, "role": role(pod), "podReady": yes(evidence.Ready(pod)),
			"container": spec.Name, "init": yes(init), "image": spec.Image, "restarts": "0",
			"reason": "", "message": "", "exit": "", "lastReason": "", "lastExit": "", "lastMessage": "", "state": "", "recent": "false",
			"young": yes(w.now.Sub(pod.CreationTimestamp.Time) < settling),
		}
		if at := slices.IndexFunc(statuses, func(s corev1.ContainerStatus) bool { return s.Name == spec.Name }); at >= 0 {
			w.fillStatus(fields, &statuses[at])
		}
		quote := []string{fmt.Sprintf("Pod %s: container %s, image %s: %s", fields["pod"], spec.Name, spec.Image, fields["state"])}
		for _, more := range []string{"reason", "exit", "message", "restarts", "lastReason", "lastExit", "lastMessage"} {
			if v := fields[more]; v != "" && v != "0" {
				quote = append(quote, more+" "+shorten(v))
			}
		}
		w.records["container"] = append(w.records["container"], Record{"container", fields, fileOf(pod.Namespace, "pods"), strings.Join(quote, ", ")})
	}
}

func (w *world) fillStatus(fields map[string]string, s *corev1.ContainerStatus) {
	fields["restarts"] = strconv.Itoa(int(s.RestartCount))
	switch {
	case s.State.Running != nil:
		fields["state"] = "running"
	case s.State.Waiting != nil:
		fields["state"], fields["reason"], fields["message"] = "waiting", s.State.Waiting.Reason, s.State.Waiting.Message
	case s.State.Terminated != nil:
		t := s.State.Terminated
		fields["state"], fields["reason"], fields["message"], fields["exit"] = "terminated", t.Reason, t.Message, strconv.Itoa(int(t.ExitCode))
		fields["recent"] = yes(w.now.Sub(t.FinishedAt.Time) < recent)
	}
	if t := s.LastTerminationState.Terminated; t != nil {
		fields["lastReason"], fields["lastExit"], fields["lastMessage"] = t.Reason, strconv.Itoa(int(t.ExitCode)), t.Message
		fields["recent"] = yes(w.now.Sub(t.FinishedAt.Time) < recent)
	}
}

// asks says by what a pod asks for a sidecar: its own label, its annotation, or its
// namespace; "" where it does not. The injector reads the annotation only of pods that
// the webhook gets to see, which labels alone decide.
// Source: https://istio.io/latest/docs/setup/additional-setup/sidecar-injection/
func (w *world) asks(pod *corev1.Pod) string {
	if pod.Spec.HostNetwork {
		return ""
	}
	return w.labelled(pod)
}

// labelled is asks for a pod of any network.
func (w *world) labelled(pod *corev1.Pod) string {
	if pod.Namespace == "kube-system" || pod.Labels["app"] == "istiod" {
		return ""
	}
	const key = "sidecar.istio.io/inject"
	if asked, is := pod.Labels[key]; is {
		return map[string]string{"true": "label"}[asked]
	}
	if pod.Annotations[key] == "false" {
		return ""
	}
	for i := range w.namespaces {
		if ns := &w.namespaces[i]; ns.Name == pod.Namespace {
			injection := ns.Labels["istio-injection"]
			if injection == "enabled" || injection == "" && ns.Labels["istio.io/rev"] != "" {
				return "namespace"
			}
		}
	}
	return map[string]string{"true": "annotation"}[pod.Annotations[key]]
}

// observeWorkloads makes records of the conditions of what makes pods.
func (w *world) observeWorkloads() {
	for i := range w.deployments {
		d := &w.deployments[i]
		for _, c := range d.Status.Conditions {
			w.condition(fileOf(d.Namespace, "deployments.apps"), "Deployment", id(d.Namespace, d.Name), d.Namespace, "",
				string(c.Type), string(c.Status), c.Reason, c.Message)
		}
	}
	for i := range w.replicasets {
		r := &w.replicasets[i]
		for _, c := range r.Status.Conditions {
			w.condition(fileOf(r.Namespace, "replicasets.apps"), "ReplicaSet", id(r.Namespace, r.Name), r.Namespace, "",
				string(c.Type), string(c.Status), c.Reason, c.Message)
		}
	}
	for i := range w.crds {
		crd := &w.crds[i]
		for _, c := range crd.Status.Conditions {
			w.condition("cluster/customresourcedefinitions.yaml", "CustomResourceDefinition", crd.Name, "", "",
				string(c.Type), string(c.Status), c.Reason, c.Message)
		}
	}
}
