package direct

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// heldRequests are in flight while the connection table is read: each has a
// connection to a pod of its own, for HTTP/1.1 carries one at a time.
const heldRequests = 6

var _ = Checks.Add(connectionTable)

// connectionTable reads the kernel's table of the gateway pod's connections.
func connectionTable(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "connection-table",
		SkipIf:   s.OursAlone("enters the network namespace of the gateway"),
		Parallel: true,
		Promise:  "the kernel's connection table of the gateway pod has connections to the pods and none to a Service's virtual IP",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "plain", nil)
			pods := backendPods(ctx, t, s, kit.BackendSelector)
			var services corev1.ServiceList
			t.Expect(s.Client.List(ctx, &services, client.InNamespace(s.Namespace))).To(gomega.Succeed())
			session := r.OneConnection(ctx, t)
			var held []kit.Held
			for range heldRequests {
				held = append(held, session.Hold(ctx, "/?delay=5s", nil))
			}
			t.Diagnose("the gateway holds more requests for the backend than it has connections to its pods",
				"compare the peers in the message with the pods' addresses and the Services' virtual IPs", "https://istio.io/latest/docs/concepts/traffic-management/")
			var connected map[netip.Addr]int
			t.Eventually(ctx, func() (int, error) {
				var err error
				connected, err = peers(ctx, s)
				return toPods(connected, pods), err
			}).Should(gomega.BeNumerically(">=", heldRequests), func() string { return fmt.Sprintf("connections to the pods among %v", connected) })
			t.Diagnose("the gateway has a connection to a Service's virtual IP", "look for the cluster of that address in the gateway's clusters in the evidence",
				"https://istio.io/latest/docs/concepts/traffic-management/")
			for _, service := range services.Items {
				t.Expect(texts(connected)).NotTo(gomega.ContainElement(service.Spec.ClusterIP), "virtual IP of Service %s among the gateway's connections", service.Name)
			}
			for i, h := range held {
				response := h.Response()
				t.Expect(response.Status).To(gomega.Equal(200), "held request %d: %s", i, response)
			}
			t.Observe("%d connections to %d pods, none to the virtual IPs of %d Services", toPods(connected, pods), len(pods), len(services.Items))
		},
	}
}

// texts returns the addresses in order, as people and Services write them.
func texts(connected map[netip.Addr]int) []string {
	var all []string
	for _, address := range slices.SortedFunc(maps.Keys(connected), netip.Addr.Compare) {
		all = append(all, address.String())
	}
	return all
}

// toPods counts the connections to the pods.
func toPods(connected map[netip.Addr]int, pods []corev1.Pod) int {
	n := 0
	for _, pod := range pods {
		if address, err := netip.ParseAddr(pod.Status.PodIP); err == nil {
			n += connected[address]
		}
	}
	return n
}

// peers counts the established connections of the gateway's pod by the address
// of their other end, as the kernel lists them in the pod's network namespace.
func peers(ctx context.Context, s *stack.Stack) (map[netip.Addr]int, error) {
	pod, err := s.GatewayPod(ctx)
	if err != nil {
		return nil, err
	}
	output, err := s.Cluster.PodNetns(ctx, pod.Namespace, pod.Name, "ss --no-header --tcp --numeric state established")
	if err != nil {
		return nil, err
	}
	return parsePeers(output)
}

// parsePeers reads what ss lists: two queues, the local and the other address.
func parsePeers(output string) (map[netip.Addr]int, error) {
	found := map[netip.Addr]int{}
	for line := range strings.Lines(output) {
		fields := strings.Fields(line)
		if len(fields) < 4 {
			continue
		}
		peer, err := netip.ParseAddrPort(fields[3])
		if err != nil {
			return nil, fmt.Errorf("line %q of ss: %w", strings.TrimSpace(line), err)
		}
		found[peer.Addr().Unmap()]++
	}
	return found, nil
}
