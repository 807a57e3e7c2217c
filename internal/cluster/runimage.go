package cluster

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
)

// removeTimeout bounds the removal of a pod that has ended.
const removeTimeout = 10 * time.Second

// RunImage runs a program of an image that the nodes hold, in a pod of namespace
// kube-system, and returns all that it printed, whatever status it ended with. The
// image is never pulled. An error names the image and says what kept the program
// from running, or for how long it was waited for.
func (c *Clients) RunImage(ctx context.Context, image string, timeout time.Duration, program ...string) (_ string, err error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	pods := c.Kube.CoreV1().Pods(metav1.NamespaceSystem)
	pod, err := pods.Create(ctx, onePod(image, program), metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("image %s: run %s: %w", image, program[0], err)
	}
	defer func() {
		gone, cancel := context.WithTimeout(context.WithoutCancel(ctx), removeTimeout)
		defer cancel()
		now := int64(0)
		if failed := pods.Delete(gone, pod.Name, metav1.DeleteOptions{GracePeriodSeconds: &now}); failed != nil && err == nil {
			err = fmt.Errorf("image %s: remove the pod that ran %s: %w", image, program[0], failed)
		}
	}()
	only := metav1.ListOptions{FieldSelector: fields.OneTermEqualSelector(metav1.ObjectNameField, pod.Name).String()}
	refused := ""
	err = await(ctx, listerWatcher(c.Kube, pods, only), &corev1.Pod{}, func(list []*corev1.Pod) string {
		pending, why := endOf(list)
		refused = why
		return pending
	})
	switch {
	case err != nil:
		return "", fmt.Errorf("image %s: run %s: %w", image, program[0], err)
	case refused != "":
		return "", fmt.Errorf("image %s: run %s: %s", image, program[0], refused)
	}
	printed, err := pods.GetLogs(pod.Name, &corev1.PodLogOptions{}).DoRaw(ctx)
	if err != nil {
		return "", fmt.Errorf("image %s: read what %s printed: %w", image, program[0], err)
	}
	return string(printed), nil
}

// onePod is a pod that runs a program once, on any node and without a network of
// its own: what is asked of the image needs none, and so it also starts where the
// nodes' network does not work.
func onePod(image string, program []string) *corev1.Pod {
	no := false
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "istio-conformance-", Labels: map[string]string{"istio-conformance": "true"}},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyNever, HostNetwork: true, AutomountServiceAccountToken: &no,
			Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			Containers:  []corev1.Container{{Name: "program", Image: image, ImagePullPolicy: corev1.PullNever, Command: program}},
		},
	}
}

// endOf says what a pod of one container still waits for, "" when that is over;
// refused is why its program did not run.
func endOf(list []*corev1.Pod) (pending, refused string) {
	if len(list) == 0 {
		return "its pod is not there", ""
	}
	pod := list[0]
	for _, s := range pod.Status.ContainerStatuses {
		switch {
		case s.State.Waiting != nil && s.State.Waiting.Reason != "ContainerCreating":
			return "", oneLine(s.State.Waiting.Reason + ": " + s.State.Waiting.Message)
		// The container runtime could not start it.
		case s.State.Terminated != nil && s.State.Terminated.Reason == "StartError":
			return "", oneLine(s.State.Terminated.Reason + ": " + s.State.Terminated.Message)
		}
	}
	if pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed {
		if len(pod.Status.ContainerStatuses) == 0 { // a node refused it
			return "", oneLine(pod.Status.Reason + ": " + pod.Status.Message)
		}
		return "", ""
	}
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodScheduled && condition.Status != corev1.ConditionTrue {
			return "its pod waits for a node: " + oneLine(condition.Message), ""
		}
	}
	return fmt.Sprintf("its pod is %s", pod.Status.Phase), ""
}
