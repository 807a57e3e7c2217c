package stack

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
)

// ReadyPods returns the pods that match the label selector and are Ready and
// not being deleted, sorted by name.
func (s *Stack) ReadyPods(ctx context.Context, namespace, selector string) ([]corev1.Pod, error) {
	pods, err := s.Pods(ctx, namespace, selector)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(pods, func(p corev1.Pod) bool { return !ready(p) || p.DeletionTimestamp != nil }), nil
}

const (
	// logTime is how far back Logs looks outside of a check.
	logTime = 5 * time.Minute
	// logSlack is for logs whose times are those of another clock: the node's.
	logSlack = 2 * time.Second
)

// Logs returns what a container of all pods that match the selector has printed
// since the check began that asks, or in the last minutes.
func (s *Stack) Logs(ctx context.Context, namespace, selector, container string) (string, error) {
	pods, err := s.Pods(ctx, namespace, selector)
	if err != nil {
		return "", err
	}
	since := logTime
	if started, ok := check.Started(ctx); ok {
		since = time.Since(started) + logSlack
	}
	var all strings.Builder
	for i := range pods {
		text, err := s.PodLog(ctx, &pods[i], container, since)
		if err != nil {
			return "", err
		}
		all.WriteString(text)
	}
	return all.String(), nil
}

// PodLog returns what a container has printed since a time ago, rounded up to
// seconds; nothing of a pod that was being deleted and has gone meanwhile, its log
// with it.
func (s *Stack) PodLog(ctx context.Context, pod *corev1.Pod, container string, since time.Duration) (string, error) {
	options := &corev1.PodLogOptions{Container: container, SinceSeconds: ptr.To(int64(math.Ceil(since.Seconds())))}
	raw, err := s.Cluster.Kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, options).DoRaw(ctx)
	if apierrors.IsNotFound(err) && pod.DeletionTimestamp != nil {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("log of container %s of pod %s/%s: %w", container, pod.Namespace, pod.Name, err)
	}
	return string(raw), nil
}

// Description is text that is made when a message needs it, and not before.
type Description func() string

func (d Description) String() string { return d() }

// DescribePods says in a few lines why the pods of a namespace are not ready,
// for a failure's message.
func (s *Stack) DescribePods(ctx context.Context, namespace string) Description {
	return func() string {
		// The check's own time may be up: that is often why this is asked.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		pods, err := s.Pods(ctx, namespace, "")
		if err != nil {
			return err.Error()
		}
		lines := []string{fmt.Sprintf("%d pods in namespace %s", len(pods), namespace)}
		for _, pod := range pods {
			lines = append(lines, describe(pod)...)
		}
		return strings.Join(lines, "\n")
	}
}

// Pods returns the pods that match the label selector, sorted by name: also such as
// are not ready, or are being deleted and go on for a while with what they do.
func (s *Stack) Pods(ctx context.Context, namespace, selector string) ([]corev1.Pod, error) {
	parsed, err := labels.Parse(selector)
	if err != nil {
		return nil, fmt.Errorf("label selector %q: %w", selector, err)
	}
	var list corev1.PodList
	if err := s.Client.List(ctx, &list, client.InNamespace(namespace), client.MatchingLabelsSelector{Selector: parsed}); err != nil {
		return nil, fmt.Errorf("list pods %q in namespace %s: %w", selector, namespace, err)
	}
	slices.SortFunc(list.Items, func(a, b corev1.Pod) int { return strings.Compare(a.Name, b.Name) })
	return list.Items, nil
}

func ready(pod corev1.Pod) bool {
	return slices.ContainsFunc(pod.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// describe lists what a pod's conditions and containers complain about.
func describe(pod corev1.Pod) []string {
	lines := []string{fmt.Sprintf("pod %s: %s", pod.Name, pod.Status.Phase)}
	for _, c := range pod.Status.Conditions {
		if c.Status != corev1.ConditionTrue && c.Message != "" {
			lines = append(lines, fmt.Sprintf("  %s: %s", c.Type, c.Message))
		}
	}
	for _, c := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
		switch {
		case c.State.Waiting != nil:
			lines = append(lines, fmt.Sprintf("  container %s waits: %s %s", c.Name, c.State.Waiting.Reason, c.State.Waiting.Message))
		case c.State.Terminated != nil && c.State.Terminated.ExitCode != 0:
			lines = append(lines, fmt.Sprintf("  container %s ended with status %d: %s", c.Name, c.State.Terminated.ExitCode, c.State.Terminated.Message))
		}
	}
	return lines
}

// CreateTestNamespace makes the namespace of the checks, enrolled for injection.
func (s *Stack) CreateTestNamespace(ctx context.Context) error {
	labels := s.enrolment()
	if s.InNamespace() {
		// Close removes it.
		if _, err := s.ScratchNamespace(ctx); err != nil {
			return err
		}
		labels = maps.Clone(s.injection)
	}
	labels[ownerLabel] = "true"
	return s.ensureNamespace(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: s.Namespace, Labels: labels}})
}
