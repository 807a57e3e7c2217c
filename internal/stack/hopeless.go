package stack

import (
	"context"
	"fmt"
	"slices"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// unpullable are the reasons by which the kubelet says that a container has no image, and
// not at its first try.
var unpullable = []string{"ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull"}

// WhyNoImage says of the pods of a selector which image cannot be pulled; empty is none.
func (s *Stack) WhyNoImage(ctx context.Context, namespace, selector string) (string, error) {
	pods, err := s.Pods(ctx, namespace, selector)
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

// WhyRefused says by which rule of somebody else's cluster the Deployments that make the
// pods of a selector get none, as Refused does; empty is none.
func (s *Stack) WhyRefused(ctx context.Context, namespace, selector string) (string, error) {
	wanted, err := labels.Parse(selector)
	if err != nil {
		return "", fmt.Errorf("label selector %q: %w", selector, err)
	}
	var deployments appsv1.DeploymentList
	if err := s.Client.List(ctx, &deployments, client.InNamespace(namespace)); err != nil {
		return "", fmt.Errorf("list Deployments in namespace %s: %w", namespace, err)
	}
	for i := range deployments.Items {
		if !wanted.Matches(labels.Set(deployments.Items[i].Spec.Template.Labels)) {
			continue
		}
		for _, c := range deployments.Items[i].Status.Conditions {
			if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
				return s.Refused(c.Message), nil
			}
		}
	}
	return "", nil
}
