package charts

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Unreadable names the revisions of releases that cannot be read from Helm's storage, each
// in one line. Helm passes over them without a word: a release of which none can be read is
// not there for it, and cannot be installed either.
func (c *Client) Unreadable(ctx context.Context) ([]string, error) {
	getter, err := c.connection.Getter("")
	if err != nil {
		return nil, err
	}
	client, err := clientset(getter)
	if err != nil {
		return nil, err
	}
	secrets, err := client.CoreV1().Secrets("").List(ctx, metav1.ListOptions{LabelSelector: "owner=helm"})
	if err != nil {
		return nil, fmt.Errorf("list the Secrets of Helm's releases: %w", err)
	}
	return unreadable(secrets.Items), nil
}

func unreadable(secrets []corev1.Secret) []string {
	var lines []string
	for i := range secrets {
		s := &secrets[i]
		if _, err := applyMethod(s.Data["release"]); err != nil {
			lines = append(lines, fmt.Sprintf("release %s/%s: its revision %s cannot be read from Secret %s/%s: %v", s.Namespace, s.Labels["name"], s.Labels["version"], s.Namespace, s.Name, err))
		}
	}
	return lines
}
