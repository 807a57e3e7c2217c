package leftovers

import (
	"context"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// heldUp is how long the uninstall of a release that cannot end is waited for.
const heldUp = 20 * time.Second

// Mutations returns the ways to break what the checks prove. Each plays the
// uninstall, and installs Istio again when it ends.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "service-held-up", Promise: "an object of a release that a finalizer holds is noticed",
			Break: holdService, Plays: "uninstall/uninstall",
			Fails: map[string]string{"uninstall/uninstall": "a release cannot be uninstalled"},
		},
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

// holdService has somebody wait for the end of the gateway's Service who never looks.
func holdService(ctx context.Context, t *check.T, s *stack.Stack) {
	mutation.MendInstallation(ctx, t, s)
	gateway := s.GatewayRelease()
	old := gateway.Timeout
	t.Cleanup(func() { gateway.Timeout = old })
	gateway.Timeout = heldUp
	service := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: s.Gateway.Namespace, Name: s.Gateway.Release}}
	set := func(ctx context.Context, finalizers string) error {
		return s.Client.Patch(ctx, service.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"finalizers":`+finalizers+`}}`)))
	}
	mutation.Mend(ctx, t, func(ctx context.Context) { t.Expect(client.IgnoreNotFound(set(ctx, "null"))).To(gomega.Succeed()) })
	t.Expect(set(ctx, `["conformance.test/held"]`)).To(gomega.Succeed())
}

func leaveRole(ctx context.Context, t *check.T, s *stack.Stack) {
	mutation.MendInstallation(ctx, t, s)
	role := &rbacv1.ClusterRole{ObjectMeta: metav1.ObjectMeta{Name: "istiod-of-nobody"}}
	mutation.Mend(ctx, t, func(ctx context.Context) { t.Expect(s.Client.Delete(ctx, role)).To(gomega.Succeed()) })
	t.Expect(client.IgnoreAlreadyExists(s.Client.Create(ctx, role))).To(gomega.Succeed())
}

func leaveOnNode(ctx context.Context, t *check.T, s *stack.Stack) {
	mutation.MendInstallation(ctx, t, s)
	node := s.Cluster.Nodes()[0].Name
	mutation.Mend(ctx, t, func(ctx context.Context) {
		_, err := s.Cluster.Exec(ctx, node, "iptables -w -t nat -X ISTIO_LEFTOVER; rm -f /opt/cni/bin/istio-cni")
		t.Expect(err).NotTo(gomega.HaveOccurred())
	})
	_, err := s.Cluster.Exec(ctx, node, "iptables -w -t nat -N ISTIO_LEFTOVER && touch /opt/cni/bin/istio-cni")
	t.Expect(err).NotTo(gomega.HaveOccurred())
}
