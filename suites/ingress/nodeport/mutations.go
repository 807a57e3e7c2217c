package nodeport

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "gateway-service-selects-nothing", Promise: "a node port that leads to no gateway pod is noticed",
			Break: selectNothing, Plays: "ingress/node-port",
			Fails: map[string]string{"ingress/node-port": "no answer for"},
		},
		{
			Name: "one-pod-unreachable", Promise: "a pod that the gateway cannot reach is noticed",
			Break: dropTraffic, Plays: "ingress/node-port",
			Fails: map[string]string{"ingress/node-port": "although its route is served"},
		},
		{
			Name: "only-local-nodes", Promise: "nodes whose node ports do not lead to a gateway pod on another node are noticed",
			Break: localOnly, Plays: "ingress/node-port-of-every-node",
			Fails: map[string]string{"ingress/node-port-of-every-node": "where no gateway pod runs, does not lead to one on another node"},
		},
		{
			Name: "pod-range-leads-outside", Promise: "a node that sends out of the cluster what is for a pod that is gone is noticed",
			Break: leadOutside, Plays: "ingress/address-of-gone-pod",
			Fails: map[string]string{"ingress/address-of-gone-pod": "out of the cluster, where another server may answer"},
		},
		{
			Name: "ending-gateway-used", Promise: "a node port that leads to a gateway pod until it is gone is noticed",
			Break: useEndingPods, Plays: "ingress/gateway-pod-deleted,ingress/node-port,ingress/node-port-of-every-node",
			Fails: map[string]string{"ingress/gateway-pod-deleted": "requests fail when one of two gateway pods is deleted"},
		},
	}
}

// selectNothing makes the gateway's Service select no pod.
func selectNothing(ctx context.Context, t *check.T, s *stack.Stack) {
	mutation.Mend(ctx, t, func(ctx context.Context) {
		patchService(ctx, t, s, `{"spec":{"selector":{"conformance-mutation":null}}}`)
	})
	patchService(ctx, t, s, `{"spec":{"selector":{"conformance-mutation":"nothing"}}}`)
	t.Eventually(ctx, func() error { return probe.HTTP(ctx, probe.Request{URL: s.GatewayURL()}).Err }).
		Should(gomega.HaveOccurred(), "the node port still leads to the gateway")
}

// useEndingPods makes the gateway's Service take pods that are ending for ready ones.
func useEndingPods(ctx context.Context, t *check.T, s *stack.Stack) {
	mutation.Mend(ctx, t, func(ctx context.Context) { patchService(ctx, t, s, `{"spec":{"publishNotReadyAddresses":false}}`) })
	patchService(ctx, t, s, `{"spec":{"publishNotReadyAddresses":true}}`)
}

// localOnly makes nodes drop what comes for gateway pods of other nodes.
func localOnly(ctx context.Context, t *check.T, s *stack.Stack) {
	gateway, err := s.GatewayPod(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	mutation.Mend(ctx, t, func(ctx context.Context) { patchService(ctx, t, s, `{"spec":{"externalTrafficPolicy":"Cluster"}}`) })
	patchService(ctx, t, s, `{"spec":{"externalTrafficPolicy":"Local"}}`)
	for _, node := range s.Cluster.Nodes() {
		if node.Name == gateway.Spec.NodeName {
			continue
		}
		address, err := s.GatewayAddress(stack.HTTPNodePort, node.Name)
		t.Expect(err).NotTo(gomega.HaveOccurred())
		t.Eventually(ctx, func() error {
			return probe.HTTP(ctx, probe.Request{URL: "http://" + address, Timeout: kit.ShortTimeout}).Err
		}).
			Should(gomega.HaveOccurred(), "node %s still leads to the gateway", node.Name)
	}
}

// patchService changes the gateway's Service.
func patchService(ctx context.Context, t *check.T, s *stack.Stack, patch string) {
	service := &corev1.Service{}
	service.Namespace, service.Name = s.Gateway.Namespace, s.Gateway.Release
	t.Expect(s.Client.Patch(ctx, service, client.RawPatch("application/merge-patch+json", []byte(patch)))).To(gomega.Succeed())
}

// dropTraffic drops what is forwarded to one of the backend's pods. Its kubelet
// still reaches it, so that it stays ready.
func dropTraffic(ctx context.Context, t *check.T, s *stack.Stack) {
	pods, err := s.ReadyPods(ctx, s.Namespace, "app=backend")
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(pods).NotTo(gomega.BeEmpty())
	rule := "FORWARD -d " + pods[0].Status.PodIP + " -j DROP"
	mutation.Mend(ctx, t, func(ctx context.Context) {
		_, err := s.Cluster.Exec(ctx, pods[0].Spec.NodeName, "iptables -w -D "+rule)
		t.Expect(err).NotTo(gomega.HaveOccurred())
	})
	_, err = s.Cluster.Exec(ctx, pods[0].Spec.NodeName, "iptables -w -I "+rule)
	t.Expect(err).NotTo(gomega.HaveOccurred())
}

// leadOutside takes from a node the route that its pod range has beside those of its
// pods, so that the default route is left for addresses that no pod has.
func leadOutside(ctx context.Context, t *check.T, s *stack.Stack) {
	ranges, err := podRanges(ctx, s)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(ranges).NotTo(gomega.BeEmpty())
	node := slices.Min(slices.Collect(maps.Keys(ranges)))
	change := func(ctx context.Context, do string) {
		_, err := s.Cluster.Exec(ctx, node, fmt.Sprintf("ip route %s blackhole %s", do, ranges[node]))
		t.Expect(err).NotTo(gomega.HaveOccurred(), "%s the route of node %s", do, node)
	}
	mutation.Mend(ctx, t, func(ctx context.Context) { change(ctx, "replace") })
	change(ctx, "del")
}
