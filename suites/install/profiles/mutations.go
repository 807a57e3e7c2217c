package profiles

import (
	"context"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "network-configuration-locked", Promise: "a plugin that cannot get into a node's chain is noticed",
			Break: lockConfiguration, Plays: "install/cni-profile",
			Fails: map[string]string{"install/cni-profile": "not in every node's chain although its DaemonSet is ready"},
		},
		{
			Name: "ambient-object-refused", Promise: "an object of the ambient profile that the API server refuses is noticed",
			Break: refuseZtunnel, Plays: "install/ambient-charts",
			Fails: map[string]string{"install/ambient-charts": "the API server would refuse an object"},
		},
	}
}

// lockConfiguration makes the network configuration of the first node a file that
// nobody can replace.
func lockConfiguration(ctx context.Context, t *check.T, s *stack.Stack) {
	node := s.Cluster.Nodes()[0].Name
	mutation.Mend(ctx, t, func(ctx context.Context) {
		_, err := s.Cluster.Exec(ctx, node, `umount "$(ls /etc/cni/net.d/*.conflist | head -1)"`)
		t.Expect(err).NotTo(gomega.HaveOccurred())
	})
	_, err := s.Cluster.Exec(ctx, node, `set -e
file=$(ls /etc/cni/net.d/*.conflist | head -1)
mount --bind "$file" "$file"
mount -o remount,bind,ro "$file"`)
	t.Expect(err).NotTo(gomega.HaveOccurred())
}

func refuseZtunnel(ctx context.Context, t *check.T, s *stack.Stack) {
	mutation.ApplyFixture(ctx, t, s, "no-ztunnel", nil)
	namespace, err := s.ScratchNamespace(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	labels := map[string]string{"app": "ztunnel"}
	set := &appsv1.DaemonSet{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "ztunnel"},
		Spec: appsv1.DaemonSetSpec{
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: kit.AppImage}}},
			},
		},
	}
	t.Eventually(ctx, func() error { return s.Client.Create(ctx, set.DeepCopy(), client.DryRunAll) }).
		Should(gomega.MatchError(gomega.ContainSubstring("no-ztunnel")), "the policy is in force")
}
