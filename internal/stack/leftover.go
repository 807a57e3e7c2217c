package stack

import (
	"context"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/internal/cluster"
	"istio-conformance/internal/process/progress"
)

// RemoveLeftover removes from a cluster that is somebody else's what runs have left that
// were killed: their namespaces, and their Secrets in those of gateways.
func RemoveLeftover(ctx context.Context, c *cluster.Cluster, logf progress.Logf) error {
	namespaces, err := c.Kube.CoreV1().Namespaces().List(ctx, metav1.ListOptions{LabelSelector: ownerLabel + "=true"})
	if err != nil {
		return fmt.Errorf("list Namespaces with label %s: %w", ownerLabel, err)
	}
	secrets, err := c.Kube.CoreV1().Secrets(metav1.NamespaceAll).List(ctx, metav1.ListOptions{LabelSelector: ownerLabel})
	if err != nil {
		return fmt.Errorf("list Secrets with label %s: %w", ownerLabel, err)
	}
	for i := range secrets.Items {
		secret := &secrets.Items[i]
		if !strings.HasPrefix(secret.Labels[ownerLabel], testNamespace+"-") {
			continue
		}
		logf("removing Secret %s/%s of the run in Namespace %s", secret.Namespace, secret.Name, secret.Labels[ownerLabel])
		if err := c.Kube.CoreV1().Secrets(secret.Namespace).Delete(ctx, secret.Name, metav1.DeleteOptions{}); err != nil {
			return fmt.Errorf("delete Secret %s/%s: %w", secret.Namespace, secret.Name, err)
		}
	}
	s := &Stack{Cluster: c}
	if err := s.RenewClient(); err != nil {
		return err
	}
	for i := range namespaces.Items {
		name := namespaces.Items[i].Name
		if !strings.HasPrefix(name, testNamespace+"-") {
			continue // of a cluster that was made here
		}
		logf("removing Namespace %s", name)
		s.scratch.name = name
		if err := s.removeScratch(ctx, true); err != nil {
			return err
		}
	}
	return nil
}
