package evidence

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"
)

const (
	// logLookBack is how far before the check a log starts: the cause is often
	// earlier than the check that finds it.
	logLookBack = 2 * time.Minute
	// logLimit bounds one container's log, in bytes.
	logLimit = 4 << 20
)

// namespaceSources are a namespace's pods, events and logs.
func (c *Collector) namespaceSources(namespace string, since time.Time) []source {
	return []source{
		{path.Join(namespace, "pods.yaml"), func(ctx context.Context) (string, error) { return c.pods(ctx, namespace) }},
		{path.Join(namespace, "events.txt"), func(ctx context.Context) (string, error) { return c.events(ctx, namespace) }},
		{path.Join(namespace, "logs.txt"), func(ctx context.Context) (string, error) { return c.logs(ctx, namespace, since) }},
		{path.Join(namespace, "services.yaml"), func(ctx context.Context) (string, error) { return c.services(ctx, namespace) }},
	}
}

func (c *Collector) pods(ctx context.Context, namespace string) (string, error) {
	list, err := c.Cluster.Kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil || len(list.Items) == 0 {
		return "", err
	}
	for i := range list.Items {
		list.Items[i].ManagedFields = nil
	}
	return toYAML(list.Items)
}

func (c *Collector) services(ctx context.Context, namespace string) (string, error) {
	services, err := c.Cluster.Kube.CoreV1().Services(namespace).List(ctx, metav1.ListOptions{})
	if err != nil || len(services.Items) == 0 {
		return "", err
	}
	slicesOf, err := c.Cluster.Kube.DiscoveryV1().EndpointSlices(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", err
	}
	return toYAML(map[string]any{"services": services.Items, "endpointSlices": slicesOf.Items})
}

func toYAML(value any) (string, error) {
	raw, err := yaml.Marshal(value)
	return string(raw), err
}

// events lists a namespace's events, the oldest first.
func (c *Collector) events(ctx context.Context, namespace string) (string, error) {
	list, err := c.Cluster.Kube.CoreV1().Events(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", err
	}
	slices.SortFunc(list.Items, func(a, b corev1.Event) int { return eventTime(a).Compare(eventTime(b)) })
	var text strings.Builder
	for _, e := range list.Items {
		fmt.Fprintf(&text, "%s %s %s/%s %s: %s\n", eventTime(e).Format(time.RFC3339), e.Type,
			strings.ToLower(e.InvolvedObject.Kind), e.InvolvedObject.Name, e.Reason, strings.TrimSpace(e.Message))
	}
	return text.String(), nil
}

// eventTime is when an event was last seen, in whichever field its source wrote.
func eventTime(e corev1.Event) time.Time {
	for _, t := range []time.Time{e.LastTimestamp.Time, e.EventTime.Time} {
		if !t.IsZero() {
			return t
		}
	}
	return e.CreationTimestamp.Time
}

// logs returns the logs of all containers in a namespace, and of the one before
// where a container was restarted.
func (c *Collector) logs(ctx context.Context, namespace string, since time.Time) (string, error) {
	pods, err := c.Cluster.Kube.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return "", err
	}
	var text strings.Builder
	var errs []error
	for _, pod := range pods.Items {
		for _, status := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			for _, previous := range []bool{true, false} {
				if previous && status.RestartCount == 0 {
					continue
				}
				log, err := c.log(ctx, pod, status.Name, previous, since)
				if err != nil {
					errs = append(errs, err)
				}
				if log != "" {
					fmt.Fprintf(&text, "==== pod %s container %s previous=%t\n%s\n", pod.Name, status.Name, previous, log)
				}
			}
		}
	}
	return text.String(), errors.Join(errs...)
}

func (c *Collector) log(ctx context.Context, pod corev1.Pod, container string, previous bool, since time.Time) (string, error) {
	start := metav1.NewTime(since.Add(-logLookBack))
	limit := int64(logLimit)
	raw, err := c.Cluster.Kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{
		Container: container, Previous: previous, SinceTime: &start, LimitBytes: &limit, Timestamps: true,
	}).DoRaw(ctx)
	if err != nil {
		return "", fmt.Errorf("log of pod %s container %s: %w", pod.Name, container, err)
	}
	return string(raw), nil
}
