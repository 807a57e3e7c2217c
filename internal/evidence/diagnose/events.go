package diagnose

import (
	"strings"
	"time"

	"istio-conformance/internal/evidence"
)

// observeEvents makes records of events, save those of objects that are gone: what
// they tell of is over.
func (w *world) observeEvents() {
	ready, created := w.readiness(), w.created()
	for _, name := range w.glob("namespaces/*/events.txt") {
		namespace := strings.Split(name, "/")[1]
		for _, line := range w.lines(name) {
			// As evidence writes them: time type kind/name reason: message.
			parts := strings.SplitN(line, " ", 4)
			if len(parts) < 4 {
				continue
			}
			at, err := time.Parse(time.RFC3339, parts[0])
			if err != nil {
				continue
			}
			kind, object, _ := strings.Cut(parts[2], "/")
			reason, message, _ := strings.Cut(parts[3], ": ")
			state, known := ready[kind+" "+id(namespace, object)]
			if !known {
				continue
			}
			if reason == "FailedCreate" {
				// It tells of pods that could not be made, not of those that are not ready.
				state = created[kind+" "+id(namespace, object)]
			}
			pod := ""
			if kind == "pod" {
				pod = id(namespace, object)
			}
			w.add("event", name, line, "kind", kind, "object", id(namespace, object), "ns", namespace, "pod", pod, "type", parts[1],
				"reason", reason, "message", message, "ready", yes(state), "recent", yes(w.now.Sub(at) < recent))
		}
	}
}

// readiness says of each object that is there whether it is as it should be, by
// "kind namespace/name".
func (w *world) readiness() map[string]bool {
	ready := map[string]bool{}
	for i := range w.pods {
		if p := &w.pods[i]; p.DeletionTimestamp == nil {
			ready["pod "+id(p.Namespace, p.Name)] = evidence.Ready(p)
		}
	}
	for i := range w.deployments {
		d := &w.deployments[i]
		ready["deployment "+id(d.Namespace, d.Name)] = d.Status.ReadyReplicas >= replicas(d.Spec.Replicas)
	}
	for i := range w.replicasets {
		r := &w.replicasets[i]
		ready["replicaset "+id(r.Namespace, r.Name)] = r.Status.ReadyReplicas >= replicas(r.Spec.Replicas)
	}
	for i := range w.statefuls {
		s := &w.statefuls[i]
		ready["statefulset "+id(s.Namespace, s.Name)] = s.Status.ReadyReplicas >= replicas(s.Spec.Replicas)
	}
	for i := range w.daemonsets {
		d := &w.daemonsets[i]
		ready["daemonset "+id(d.Namespace, d.Name)] = d.Status.NumberReady >= d.Status.DesiredNumberScheduled
	}
	for i := range w.services {
		ready["service "+id(w.services[i].Namespace, w.services[i].Name)] = true
	}
	for i := range w.others["horizontalpodautoscalers.autoscaling"] {
		h := &w.others["horizontalpodautoscalers.autoscaling"][i]
		ready["horizontalpodautoscaler "+id(h.GetNamespace(), h.GetName())] = true
	}
	return ready
}

// replicas is how many pods are wanted; the default is one.
func replicas(n *int32) int32 {
	if n == nil {
		return 1
	}
	return *n
}

// created says of what makes pods whether it could make all of them, ready or not,
// by "kind namespace/name".
func (w *world) created() map[string]bool {
	created := map[string]bool{}
	for i := range w.replicasets {
		r := &w.replicasets[i]
		created["replicaset "+id(r.Namespace, r.Name)] = r.Status.Replicas >= replicas(r.Spec.Replicas)
	}
	for i := range w.statefuls {
		s := &w.statefuls[i]
		created["statefulset "+id(s.Namespace, s.Name)] = s.Status.Replicas >= replicas(s.Spec.Replicas)
	}
	for i := range w.daemonsets {
		d := &w.daemonsets[i]
		created["daemonset "+id(d.Namespace, d.Name)] = d.Status.CurrentNumberScheduled >= d.Status.DesiredNumberScheduled
	}
	return created
}
