package mesh

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/ztunnel"
	"istio-conformance/internal/stack"
)

// logTime is how far back ztunnel's log is read: longer than any check takes.
const logTime = 5 * time.Minute

// Ztunnels returns ztunnel's pods on a node, those too that are ending; an empty
// node means all.
func Ztunnels(ctx context.Context, s *stack.Stack, node string) ([]corev1.Pod, error) {
	all, err := s.Pods(ctx, stack.SystemNamespace, ZtunnelSelector)
	if err != nil {
		return nil, err
	}
	var found []corev1.Pod
	for _, pod := range all {
		if node == "" || pod.Spec.NodeName == node {
			found = append(found, pod)
		}
	}
	return found, nil
}

// AccessLog returns what the ztunnels of a node logged of connections between two
// pods.
func AccessLog(ctx context.Context, s *stack.Stack, node string, client, server Pod) ([]ztunnel.Connection, error) {
	pods, err := Ztunnels(ctx, s, node)
	if err != nil {
		return nil, err
	}
	var found []ztunnel.Connection
	for i := range pods {
		log, err := s.PodLog(ctx, &pods[i], "istio-proxy", logTime)
		if err != nil {
			return nil, err
		}
		connections, err := ztunnel.Connections(log)
		if err != nil {
			return nil, err
		}
		for _, c := range connections {
			if hostOf(c.SourceAddress) == client.IP && (hostOf(c.DestinationAddress) == server.IP || hostOf(c.HBONEAddress) == server.IP) {
				found = append(found, c)
			}
		}
	}
	return found, nil
}

// hostOf is an address without its port; empty when it has none.
func hostOf(address string) string {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	return host
}

// MustLog waits until the ztunnels of a node have logged a connection between two
// pods that satisfies the matchers.
func MustLog(ctx context.Context, t *check.T, s *stack.Stack, node string, client, server Pod, matchers ...gomega.OmegaMatcher) {
	t.Helper()
	t.Eventually(ctx, func() ([]ztunnel.Connection, error) { return AccessLog(ctx, s, node, client, server) }).
		Should(gomega.ContainElement(gomega.And(matchers...)), "access log of ztunnel on node %s, of pod %s to pod %s", node, client.Name, server.Name)
}

// Wire counts packets between two pods where a node forwards them.
type Wire struct {
	stack          *stack.Stack
	node           string
	client, server Pod
}

// Count has a node count the packets from one pod to another until the check ends:
// those to the port of HBONE, and those to the port on which the server serves HTTP.
func Count(ctx context.Context, t *check.T, s *stack.Stack, client, server Pod) Wire {
	t.Helper()
	w := Wire{s, server.Node, client, server}
	t.CleanupWithin(ctx, time.Minute, func(ctx context.Context) {
		_, err := s.Cluster.Exec(ctx, w.node, w.rules("-D"))
		t.Expect(err).NotTo(gomega.HaveOccurred(), "remove the counting rules")
	})
	_, err := s.Cluster.Exec(ctx, w.node, w.rules("-I"))
	t.Expect(err).NotTo(gomega.HaveOccurred())
	return w
}

// rules are commands that add or delete rules without a target: they count.
func (w Wire) rules(action string) string {
	var text strings.Builder
	text.WriteString("set -e\n")
	for _, p := range []int{ztunnel.HBONEPort, PodHTTP} {
		fmt.Fprintf(&text, "iptables -w -t mangle %s FORWARD -s %s -d %s -p tcp --dport %d\n", action, w.client.IP, w.server.IP, p)
	}
	return text.String()
}

// Packets returns how many packets went to a port so far.
func (w Wire) Packets(ctx context.Context, t *check.T, port int) int {
	t.Helper()
	output, err := w.stack.Cluster.Exec(ctx, w.node, "iptables -w -t mangle -L FORWARD -v -x -n")
	t.Expect(err).NotTo(gomega.HaveOccurred())
	n, found := packets(output, w.client.IP, w.server.IP, port)
	t.Expect(found).To(gomega.BeTrue(), "the counting rule of port %d among\n%s", port, output)
	return n
}

// packets finds the packets that a rule counted in what iptables lists: packets,
// bytes, target if there is one, protocol, options, interfaces, source, destination
// and matches.
func packets(listed, source, destination string, port int) (n int, found bool) {
	for line := range strings.Lines(listed) {
		fields := strings.Fields(line)
		i := slices.Index(fields, source)
		if i < 1 || i+1 >= len(fields) || fields[i+1] != destination || !slices.Contains(fields, fmt.Sprintf("dpt:%d", port)) {
			continue
		}
		if n, err := strconv.Atoi(fields[0]); err == nil {
			return n, true
		}
	}
	return 0, false
}
