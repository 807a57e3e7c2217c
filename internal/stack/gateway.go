package stack

import (
	"context"
	"fmt"
	"net"
	"strconv"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/cluster"
	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/internal/report"
)

// Gateway is the ingress gateway under test.
type Gateway struct {
	// Namespace, Release and ServiceAccount are its names in the cluster; its Service and
	// its Deployment have the release's.
	Namespace, Release, ServiceAccount string
	// Selector is the label selector of its pods, Labels the same for a Gateway resource.
	Selector string
	Labels   map[string]string
	// HTTP and HTTPS are the ports of its Service for which checks make Gateways, Status
	// is the one at which its agent answers.
	HTTP, HTTPS, Status GatewayPort
	// Local says that only nodes with a pod of it answer at its node ports.
	Local bool
	// Entrance is where its traffic comes in.
	Entrance Entrance
	// resource is the Gateway by which checks share it; empty means the usual one.
	resource string
	// Witnesses are what it tells of requests.
	Witnesses Witnesses
	// HTTPPort is the port of this machine that leads to its HTTP node port.
	HTTPPort int
}

// Node ports of the gateway in fixtures/values/gateway.yaml and kind-config.yaml.
const (
	HTTPNodePort   = 30080
	HTTPSNodePort  = 30443
	StatusNodePort = 30021
)

// GatewayAddress is where a node port of the gateway is reached on this machine,
// through the given node; an empty node is the first one.
func (s *Stack) GatewayAddress(nodePort int32, node string) (string, error) {
	if node == "" {
		node = s.Cluster.Nodes()[0].Name
	}
	at, err := s.Cluster.PortFor(nodePort, node)
	if err != nil {
		return "", err
	}
	return at.String(), nil
}

// NodeAddress is where a node port is reached at the first node's own address. Only
// a machine that is on the nodes' network, as the one that runs the engine is on
// Linux, gets an answer there; what is published on 127.0.0.1 is reached everywhere,
// but through a process that copies every byte.
func (s *Stack) NodeAddress(ctx context.Context, nodePort int32) (string, error) {
	return s.nodeAddress(ctx, s.Cluster.Nodes()[0].Name, corev1.NodeInternalIP, nodePort)
}

// nodeAddress is a port at a node's address of a kind.
func (s *Stack) nodeAddress(ctx context.Context, name string, kind corev1.NodeAddressType, port int32) (string, error) {
	node := &corev1.Node{}
	if err := s.Client.Get(ctx, client.ObjectKey{Name: name}, node); err != nil {
		return "", fmt.Errorf("get Node %s: %w", name, err)
	}
	for _, a := range node.Status.Addresses {
		if a.Type == kind {
			return net.JoinHostPort(a.Address, strconv.Itoa(int(port))), nil
		}
	}
	return "", fmt.Errorf("node %s has no %s", name, kind)
}

// GatewayURL is where HTTP from outside the cluster enters.
func (s *Stack) GatewayURL() string { return "http://" + s.Gateway.Entrance.HTTP }

// GatewayPod returns a ready pod of the gateway.
func (s *Stack) GatewayPod(ctx context.Context) (corev1.Pod, error) {
	pods, err := s.ReadyPods(ctx, s.Gateway.Namespace, s.Gateway.Selector)
	if err != nil {
		return corev1.Pod{}, err
	}
	if len(pods) == 0 {
		return corev1.Pod{}, fmt.Errorf("no pod %q in namespace %s is ready", s.Gateway.Selector, s.Gateway.Namespace)
	}
	return pods[0], nil
}

// GatewayAdmin asks the admin interface of a gateway pod's Envoy, such as
// "clusters?format=json". Every error is an UnaskedError.
func (s *Stack) GatewayAdmin(ctx context.Context, request string) (string, error) {
	pod, err := s.GatewayPod(ctx)
	if err != nil {
		return "", cluster.Unasked(err)
	}
	return s.ProxyAdmin(ctx, pod, request)
}

// proxyAdminPort is where Envoy's admin interface listens, at the pod's loopback
// address alone.
// https://istio.io/latest/docs/ops/deployment/application-requirements/#ports-used-by-istio
const proxyAdminPort = 15000

// ProxyAdmin is GatewayAdmin for any pod with a proxy.
func (s *Stack) ProxyAdmin(ctx context.Context, pod corev1.Pod, request string) (string, error) {
	answer, err := s.Cluster.PodGet(ctx, pod.Namespace, pod.Name, proxyAdminPort, request)
	return answer, cluster.Unasked(err)
}

// describeProxy says which Envoy the gateway runs, for the report.
func (s *Stack) describeProxy(ctx context.Context) (report.Proxy, error) {
	info, err := s.GatewayAdmin(ctx, "server_info")
	if err != nil {
		return report.Proxy{}, err
	}
	dump, err := s.GatewayAdmin(ctx, "config_dump")
	if err != nil {
		return report.Proxy{}, err
	}
	version, err := envoy.ServerVersion([]byte(info))
	if err != nil {
		return report.Proxy{}, err
	}
	extensions, err := envoy.Extensions([]byte(dump))
	return report.Proxy{Version: version, Extensions: extensions}, err
}

// Proxy says which Envoy the gateway runs.
func (s *Stack) Proxy() report.Proxy { return s.proxy }
