package stack

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// endTimeout bounds the end of pods that have nothing left to do.
const endTimeout = 15 * time.Second

// endPods ends what runs in a namespace of the run's own before it is deleted. Of pods that
// run the namespace's controller takes the longest grace, and looks again only after half
// of it, 16 s as a rule, however soon they end
// (https://github.com/kubernetes/kubernetes/blob/master/pkg/controller/namespace/namespace_controller.go).
// Pods that stay longer are left to that controller.
func (s *Stack) endPods(ctx context.Context, namespace string) error {
	in := client.InNamespace(namespace)
	var deployments appsv1.DeploymentList
	if err := s.Client.List(ctx, &deployments, in); err != nil {
		return fmt.Errorf("list the Deployments of Namespace %s: %w", namespace, err)
	}
	for i := range deployments.Items {
		if err := s.Client.Delete(ctx, &deployments.Items[i], client.PropagationPolicy(metav1.DeletePropagationBackground)); client.IgnoreNotFound(err) != nil {
			return fmt.Errorf("delete Deployment %s/%s: %w", namespace, deployments.Items[i].Name, err)
		}
	}
	// Until its ReplicaSet is gone a pod is made again.
	err := wait.PollUntilContextTimeout(ctx, 300*time.Millisecond, endTimeout, true, func(ctx context.Context) (bool, error) {
		var pods corev1.PodList
		if err := s.Client.List(ctx, &pods, in); err != nil || len(pods.Items) == 0 {
			return err == nil, err
		}
		return false, s.Client.DeleteAllOf(ctx, &corev1.Pod{}, in, client.GracePeriodSeconds(1))
	})
	if err != nil && (ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded)) {
		return fmt.Errorf("end the pods of Namespace %s: %w", namespace, err)
	}
	return nil
}
