package charts

import (
	"context"
	"fmt"
	"slices"
	"time"

	"helm.sh/helm/v3/pkg/kube"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/resource"
)

const (
	// describeTimeout is for asking why, after a wait has failed.
	describeTimeout = 10 * time.Second
	// shownEvents is how many of an object's last warnings are worth reading.
	shownEvents = 3
)

// objectName is "<kind> <namespace>/<name>", or "<kind> <name>".
func objectName(r *resource.Info) string {
	kind := r.Mapping.GroupVersionKind.Kind
	if r.Namespace == "" {
		return kind + " " + r.Name
	}
	return fmt.Sprintf("%s %s/%s", kind, r.Namespace, r.Name)
}

// describe says why objects are not ready, one line each, the most telling first:
// what their pods complain about, then the warning events. What cannot be asked is
// said too.
func (c *waitingClient) describe(objects kube.ResourceList) []string {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), describeTimeout)
	defer cancel()
	var lines, events, general []string
	for _, r := range objects {
		lines = append(lines, c.replicaFailures(ctx, r)...)
		events = append(events, c.warnings(ctx, r.Namespace, r.Mapping.GroupVersionKind.Kind, r.Name)...)
		selector, err := kube.SelectorsForObject(kube.AsVersioned(r))
		if err != nil {
			continue // a kind that has no pods
		}
		pods, err := c.clientset.CoreV1().Pods(r.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector.String()})
		if err != nil {
			lines = append(lines, fmt.Sprintf("pods of %s: %v", objectName(r), err))
			continue
		}
		for i := range pods.Items {
			if pod := &pods.Items[i]; !podReady(pod) {
				particular, repeated := describePod(pod)
				lines, general = append(lines, particular...), append(general, repeated...)
				events = append(events, c.warnings(ctx, pod.Namespace, "Pod", pod.Name)...)
			}
		}
	}
	return slices.Concat(lines, events, general)
}

// replicaFailures says why a Deployment has no pods to describe: a quota or an
// admission webhook refuses them.
func (c *waitingClient) replicaFailures(ctx context.Context, r *resource.Info) []string {
	if _, ok := kube.AsVersioned(r).(*appsv1.Deployment); !ok {
		return nil
	}
	deployment, err := c.clientset.AppsV1().Deployments(r.Namespace).Get(ctx, r.Name, metav1.GetOptions{})
	if err != nil {
		return []string{fmt.Sprintf("%s: %v", objectName(r), err)}
	}
	var lines []string
	for _, condition := range deployment.Status.Conditions {
		if condition.Type == appsv1.DeploymentReplicaFailure && condition.Status == corev1.ConditionTrue {
			lines = append(lines, fmt.Sprintf("%s: %s: %s", objectName(r), condition.Reason, condition.Message))
		}
	}
	return lines
}

// warnings returns the last warning events of an object.
func (c *waitingClient) warnings(ctx context.Context, namespace, kind, name string) []string {
	events, err := c.clientset.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return []string{fmt.Sprintf("events of %s %s/%s: %v", kind, namespace, name, err)}
	}
	of := slices.DeleteFunc(events.Items, func(e corev1.Event) bool {
		return e.Type != corev1.EventTypeWarning || e.InvolvedObject.Kind != kind || e.InvolvedObject.Name != name
	})
	slices.SortStableFunc(of, func(a, b corev1.Event) int { return eventTime(a).Compare(eventTime(b)) })
	var lines []string
	for _, e := range of[max(0, len(of)-shownEvents):] {
		lines = append(lines, fmt.Sprintf("event of %s %s/%s: %s: %s", kind, namespace, name, e.Reason, e.Message))
	}
	return lines
}

// eventTime is when an event was last seen; the scheduler sets only EventTime.
func eventTime(e corev1.Event) time.Time {
	if e.LastTimestamp.IsZero() {
		return e.EventTime.Time
	}
	return e.LastTimestamp.Time
}

func podReady(pod *corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// describePod lists what a pod's containers and conditions complain about; apart
// from that, the conditions that only repeat which containers are not ready, or
// the phase of a pod that complains of nothing.
func describePod(pod *corev1.Pod) (particular, general []string) {
	line := func(format string, args ...any) string {
		return fmt.Sprintf("pod %s/%s: ", pod.Namespace, pod.Name) + fmt.Sprintf(format, args...)
	}
	for _, c := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		switch {
		case c.State.Waiting != nil:
			particular = append(particular, line("container %s waits: %s %s", c.Name, c.State.Waiting.Reason, c.State.Waiting.Message))
		case c.State.Terminated != nil && c.State.Terminated.ExitCode != 0:
			particular = append(particular, line("container %s ended with status %d: %s", c.Name, c.State.Terminated.ExitCode, c.State.Terminated.Reason))
		}
	}
	for _, c := range pod.Status.Conditions {
		if c.Status == corev1.ConditionTrue || c.Message == "" {
			continue
		}
		text := line("%s: %s: %s", c.Type, c.Reason, c.Message)
		// The reasons that the kubelet gives for conditions that sum up containers:
		// https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-conditions
		if c.Reason == "ContainersNotReady" || c.Reason == "ContainersNotInitialized" {
			general = append(general, text)
		} else {
			particular = append(particular, text)
		}
	}
	if len(particular)+len(general) == 0 {
		general = append(general, line("%s", pod.Status.Phase))
	}
	return particular, general
}
