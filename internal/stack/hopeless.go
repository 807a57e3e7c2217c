package stack

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// unpullable are the reasons by which the kubelet says that a container has no image, and
// not at its first try.
var unpullable = []string{"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}

// WhyNoPods says why pods of a namespace will not become ready however long one waits: an
// image that cannot be pulled, or pods that the API server does not take. Empty is nothing.
func (s *Stack) WhyNoPods(ctx context.Context, namespace string) (string, error) {
	var deployments appsv1.DeploymentList
	if err := s.Client.List(ctx, &deployments, client.InNamespace(namespace)); err != nil {
		return "", fmt.Errorf("list Deployments in namespace %s: %w", namespace, err)
	}
	for i := range deployments.Items {
		for _, c := range deployments.Items[i].Status.Conditions {
			if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
				return fmt.Sprintf("Deployment %s/%s gets no pods: %s", namespace, deployments.Items[i].Name, c.Message), nil
			}
		}
	}
	pods, err := s.Pods(ctx, namespace, "")
	if err != nil {
		return "", err
	}
	for _, pod := range pods {
		for _, c := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			if c.State.Waiting != nil && slices.Contains(unpullable, c.State.Waiting.Reason) {
				return fmt.Sprintf("container %s of pod %s/%s has no image: %s %s", c.Name, namespace, pod.Name, c.State.Waiting.Reason, c.State.Waiting.Message), nil
			}
		}
	}
	return "", nil
}
