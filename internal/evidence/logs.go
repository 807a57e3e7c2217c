package evidence

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// previousLines is how much is kept of the log of a container before its restart:
// it ended before the failure's time window, and its end says why.
const previousLines = 300

// logJobs are the logs of the pods' containers.
func (c *Collector) logJobs(s *scope, since time.Time) []job {
	var jobs []job
	pods := slices.Clone(s.pods)
	// The broken ones first: the bounds leave out what comes last.
	slices.SortStableFunc(pods, func(a, b corev1.Pod) int { return importance(&b) - importance(&a) })
	for i := range pods {
		pod := &pods[i]
		if i == podLimit {
			jobs = append(jobs, job{"logs", func(context.Context, *Writer) error {
				return fmt.Errorf("only the logs of %d of %d pods are read", podLimit, len(pods))
			}})
			break
		}
		for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			if status.State.Waiting != nil && status.RestartCount == 0 {
				continue // it never ran
			}
			jobs = append(jobs, c.logJob(pod, status.Name, false, since))
			if status.RestartCount > 0 {
				jobs = append(jobs, c.logJob(pod, status.Name, true, since))
			}
		}
	}
	return jobs
}

// importance is higher for a pod whose log is more likely to be missed.
func importance(pod *corev1.Pod) int {
	switch {
	case pod.Labels["app"] == "istiod":
		return 2
	case !Ready(pod):
		return 3
	case ofIstio(pod):
		return 1
	}
	return 0
}

// Ready says whether a pod is ready; one that has completed counts as ready.
func Ready(pod *corev1.Pod) bool {
	if pod.Status.Phase == corev1.PodSucceeded {
		return true
	}
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

func (c *Collector) logJob(pod *corev1.Pod, container string, previous bool, since time.Time) job {
	name, what := container, "log of container "+container+" of Pod "+pod.Namespace+"/"+pod.Name
	options := &corev1.PodLogOptions{Container: container, Previous: previous, Timestamps: true, LimitBytes: ptr.To[int64](4 * logLimit)}
	if previous {
		name, what = name+".previous", what+" before its restart"
		options.TailLines = ptr.To[int64](previousLines)
	} else {
		options.SinceTime = ptr.To(metav1.NewTime(since))
		if !Ready(pod) {
			// What ended long ago may be what keeps the pod from becoming ready.
			options.SinceTime, options.TailLines = nil, ptr.To[int64](10*previousLines)
		}
	}
	file := path.Join("namespaces", pod.Namespace, "logs", pod.Name, name+".log")
	return job{file, func(ctx context.Context, w *Writer) error {
		raw, err := c.Clients.Kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, options).DoRaw(ctx)
		w.Add(file, what, raw)
		return err
	}}
}

// events lists a namespace's events, the oldest first.
func (c *Collector) events(ctx context.Context, namespace string) (string, error) {
	list, err := c.Clients.Kube.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", err
	}
	slices.SortFunc(list.Items, func(a, b corev1.Event) int { return eventTime(a).Compare(eventTime(b)) })
	var text strings.Builder
	for _, e := range list.Items {
		fmt.Fprintf(&text, "%s %s %s/%s %s: %s\n", eventTime(e).UTC().Format(time.RFC3339), e.Type,
			strings.ToLower(e.InvolvedObject.Kind), e.InvolvedObject.Name, e.Reason, strings.Join(strings.Fields(e.Message), " "))
	}
	return text.String(), nil
}

// eventTime is when an event was last seen, in whichever field its source wrote.
func eventTime(e corev1.Event) time.Time {
	if e.Series != nil && !e.Series.LastObservedTime.IsZero() {
		return e.Series.LastObservedTime.Time
	}
	for _, t := range []time.Time{e.LastTimestamp.Time, e.EventTime.Time} {
		if !t.IsZero() {
			return t
		}
	}
	return e.CreationTimestamp.Time
}
