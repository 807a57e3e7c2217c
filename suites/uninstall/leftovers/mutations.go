package leftovers

import (
	"context"

	"github.com/onsi/gomega"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove. Each plays the
// uninstall, and installs Istio again when it ends.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "role-left-behind", Promise: "a right of Istio's that outlives it is noticed",
			Break: leaveRole, Plays: "uninstall:leftovers",
			Fails: map[string]string{"uninstall/leftovers": "ClusterRole istiod-of-nobody"},
		},
		{
			Name: "rules-left-on-a-node", Promise: "a rule and a network plugin that stay on a node are noticed",
			Break: leaveOnNode, Plays: "uninstall:leftovers",
			Fails: map[string]string{"uninstall/leftovers-on-nodes": "ISTIO_LEFTOVER"},
		},
	}
}

func leaveRole(ctx context.Context, t *check.T, s *stack.Stack) {
	mendInstallation(ctx, t, s)
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "istiod-of-nobody"}}
	mutation.Mend(ctx, t, func(ctx context.Context) { t.Expect(s.Client.Delete(ctx, role)).To(gomega.Succeed()) })
	t.Expect(client.IgnoreAlreadyExists(s.Client.Create(ctx, role))).To(gomega.Succeed())
}

func leaveOnNode(ctx context.Context, t *check.T, s *stack.Stack) {
	mendInstallation(ctx, t, s)
	node := s.Cluster.Nodes()[0].Name
	mutation.Mend(ctx, t, func(ctx context.Context) {
		_, err := s.Cluster.Exec(ctx, node, "iptables -w -t nat -X ISTIO_LEFTOVER; rm -f /opt/cni/bin/istio-cni")
		t.Expect(err).NotTo(gomega.HaveOccurred())
	})
	_, err := s.Cluster.Exec(ctx, node, "iptables -w -t nat -N ISTIO_LEFTOVER && touch /opt/cni/bin/istio-cni")
	t.Expect(err).NotTo(gomega.HaveOccurred())
}

// mendInstallation installs what the played checks uninstall.
func mendInstallation(ctx context.Context, t *check.T, s *stack.Stack) {
	mutation.Mend(ctx, t, func(ctx context.Context) {
		t.Expect(s.Install(ctx)).To(gomega.Succeed(), "install Istio again")
	})
}
