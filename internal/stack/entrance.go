package stack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// Entrance is where traffic from here comes to the gateway.
type Entrance struct {
	// How says it in words.
	How string
	// HTTP and HTTPS are host:port; empty where the gateway's Service lacks the port.
	HTTP, HTTPS string
	// Forwarded says that it is a port-forward, which goes by the API server to one pod
	// and not by the Service.
	Forwarded bool
	// Node says that it is a node port; nodes is the kind of the node's address.
	Node  bool
	nodes corev1.NodeAddressType
}

// GatewayPort is a port of the gateway's Service, by which a Gateway resource names it,
// and the one of the pods that it leads to; zero is none.
type GatewayPort struct{ Number, Target, Node int32 }

// statusPort is where a gateway's agent answers /healthz/ready, whatever it serves.
const statusPort = 15021

// reachTimeout is how long an address of the gateway's may take to take a connection.
const reachTimeout = 3 * time.Second

// GatewayTLS is where TLS from outside the cluster enters.
func (s *Stack) GatewayTLS() (string, error) {
	if s.Gateway.Entrance.HTTPS == "" {
		return "", fmt.Errorf("the gateway's Service %s/%s has no port for HTTPS that is reached from here", s.Gateway.Namespace, s.Gateway.Release)
	}
	return s.Gateway.Entrance.HTTPS, nil
}

// way is a candidate: where HTTP, HTTPS and the status port would be reached.
type way struct {
	how                 string
	http, https, status string
	// nodes is the kind of the node's address; empty for what is no node port.
	nodes corev1.NodeAddressType
}

// findEntrance takes the first way to the gateway that is open from here: an address
// that the user gives, the load balancer's, a node's, and a port-forward.
func (s *Stack) findEntrance(ctx context.Context, service *corev1.Service, logf progress.Logf) error {
	if s.config.GatewayAddress != "" {
		return s.givenEntrance()
	}
	ways := s.balancerWays(service)
	nodeWays, err := s.nodeWays(ctx, service)
	if err != nil {
		return err
	}
	if s.firstOpen(ctx, append(ways, nodeWays...), logf) == nil {
		return nil
	}
	return s.forwardEntrance(ctx, logf)
}

// firstOpen takes the first way that is open.
func (s *Stack) firstOpen(ctx context.Context, ways []way, logf progress.Logf) error {
	err := errors.New("the gateway's Service has no address outside of the cluster")
	for _, w := range ways {
		if err = open(ctx, w); err == nil {
			s.Gateway.Entrance = Entrance{How: w.how, HTTP: w.http, HTTPS: w.https, Node: w.nodes != "", nodes: w.nodes}
			if w.nodes == "" {
				return nil
			}
			return s.behindBalancer(ctx, logf)
		}
		logf("%s is not reached from here: %v", w.how, err)
	}
	return err
}

// ParseAddress reads GATEWAY_ADDRESS: a host, host:port for HTTP, or two of these with a
// comma between them for HTTP and HTTPS.
func ParseAddress(text string, ports [2]int32) (http, https string, err error) {
	parts := strings.Split(text, ",")
	if len(parts) > 2 {
		return "", "", exitcode.Usagef("GATEWAY_ADDRESS=%s: want host, host:port for HTTP, or host:port,host:port for HTTP and HTTPS", text)
	}
	var found [2]string
	for i, part := range parts {
		host, port, err := net.SplitHostPort(part)
		switch {
		case err == nil:
			if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || host == "" {
				return "", "", exitcode.Usagef("GATEWAY_ADDRESS=%s: %q is no host:port", text, part)
			}
			found[i] = part
		case part == "" || strings.ContainsAny(part, "/ ") || strings.Contains(part, ":") && net.ParseIP(part) == nil:
			return "", "", exitcode.Usagef("GATEWAY_ADDRESS=%s: want host, host:port for HTTP, or host:port,host:port for HTTP and HTTPS", text)
		default:
			found[i] = joinPort(part, ports[i])
			if len(parts) == 1 {
				found[1] = joinPort(part, ports[1])
			}
		}
	}
	return found[0], found[1], nil
}

// givenEntrance is where the user says that the gateway is; verifyAddress tries it.
func (s *Stack) givenEntrance() (err error) {
	e := Entrance{How: "GATEWAY_ADDRESS=" + s.config.GatewayAddress}
	e.HTTP, e.HTTPS, err = ParseAddress(s.config.GatewayAddress, [2]int32{s.Gateway.HTTP.Number, s.Gateway.HTTPS.Number})
	s.Gateway.Entrance = e
	return err
}

// balancerWays are the addresses that a load balancer has given to the Service.
func (s *Stack) balancerWays(service *corev1.Service) []way {
	var ways []way
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		host := ingress.IP
		if host == "" {
			host = ingress.Hostname
		}
		ways = append(ways, way{
			how: "the load balancer's address " + host, http: joinPort(host, s.Gateway.HTTP.Number), https: joinPort(host, s.Gateway.HTTPS.Number),
			status: joinPort(host, numbered(service, statusPort).Number),
		})
	}
	return ways
}

// nodeWays are the node ports of a node with a pod of the gateway: with
// externalTrafficPolicy Local no other answers.
func (s *Stack) nodeWays(ctx context.Context, service *corev1.Service) ([]way, error) {
	if s.Gateway.HTTP.Node == 0 {
		return nil, nil
	}
	pod, err := s.GatewayPod(ctx)
	if err != nil {
		return nil, err
	}
	node := &corev1.Node{}
	if err := s.Client.Get(ctx, client.ObjectKey{Name: pod.Spec.NodeName}, node); err != nil {
		return nil, fmt.Errorf("get Node %s: %w", pod.Spec.NodeName, err)
	}
	var ways []way
	for _, kind := range []corev1.NodeAddressType{corev1.NodeInternalIP, corev1.NodeExternalIP} {
		i := slices.IndexFunc(node.Status.Addresses, func(a corev1.NodeAddress) bool { return a.Type == kind })
		if i < 0 {
			continue
		}
		host := node.Status.Addresses[i].Address
		ways = append(ways, way{
			how:  fmt.Sprintf("node port %d of node %s, %s", s.Gateway.HTTP.Node, node.Name, host),
			http: joinPort(host, s.Gateway.HTTP.Node), https: joinPort(host, s.Gateway.HTTPS.Node), status: joinPort(host, numbered(service, statusPort).Node), nodes: kind,
		})
	}
	return ways, nil
}

// forwardEntrance opens ports of this machine that lead to a pod of the gateway until
// the run ends.
func (s *Stack) forwardEntrance(ctx context.Context, logf progress.Logf) error {
	pod, err := s.GatewayPod(ctx)
	if err != nil {
		return err
	}
	e := Entrance{How: fmt.Sprintf("a port-forward to pod %s/%s", pod.Namespace, pod.Name), Forwarded: true}
	for _, port := range []struct {
		number int32
		at     *string
	}{{s.Gateway.HTTP.Target, &e.HTTP}, {s.Gateway.HTTPS.Target, &e.HTTPS}} {
		if port.number == 0 {
			continue
		}
		local, _, err := s.Cluster.PortForward(ctx, pod.Namespace, pod.Name, int(port.number))
		if err != nil {
			return err
		}
		*port.at = net.JoinHostPort("127.0.0.1", strconv.Itoa(local))
	}
	s.Gateway.Entrance = e
	return s.behindBalancer(ctx, logf)
}

// open says why a way to the gateway takes no connection. Its status port is asked where
// there is one: a gateway without a Gateway resource listens at no other.
func open(ctx context.Context, w way) error {
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	if w.status != "" {
		return healthy(ctx, w.status)
	}
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", w.http)
	if err != nil {
		return err
	}
	return connection.Close()
}

// healthy says why a gateway's status port does not answer 200: a connection alone says
// nothing where something on the way takes them all.
func healthy(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/healthz/ready", http.NoBody)
	if err != nil {
		return err
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		err = fmt.Errorf("its status port answers %s", response.Status)
	}
	return errors.Join(err, response.Body.Close())
}

// WhyNoNodePorts says why the gateway's node ports cannot be asked; empty when they can.
func (s *Stack) WhyNoNodePorts() string {
	e := s.Gateway.Entrance
	switch {
	case e.How == "":
		return "" // Not found yet: what the check needs before says why.
	case !s.Existing() || e.Node && !s.Gateway.Local && s.Gateway.HTTPS.Node != 0 && s.Gateway.Status.Node != 0:
		return ""
	case e.Node && s.Gateway.Local:
		return "the gateway's Service has externalTrafficPolicy Local: nodes without a pod of it do not answer"
	case e.Node:
		return "the gateway's Service has no node port for HTTPS, or none for its status"
	default:
		return "traffic from here enters by " + e.How + ", and not by node ports"
	}
}

// NodeNames returns the names of the cluster's nodes.
func (s *Stack) NodeNames(ctx context.Context) ([]string, error) {
	var list corev1.NodeList
	if err := s.Client.List(ctx, &list); err != nil {
		return nil, fmt.Errorf("list Nodes: %w", err)
	}
	var names []string
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	return names, nil
}

// AddressOf is where a node port of a node of NodeNames is reached from here, as the load
// balancer before the gateway would reach it.
func (s *Stack) AddressOf(ctx context.Context, nodePort int32, name string) (string, error) {
	var at string
	pod, err := s.GatewayPod(ctx)
	switch {
	case err != nil:
		return "", err
	case s.Existing():
		at, err = s.nodeAddress(ctx, name, s.Gateway.Entrance.nodes, nodePort)
	default:
		at, err = s.GatewayAddress(nodePort, name)
	}
	if err != nil || nodePort == s.Gateway.Status.Node {
		return at, err // Its agent answers there, and wants no PROXY protocol.
	}
	return s.asBalancer(ctx, &pod, at)
}

// joinPort is host:port; empty for no port.
func joinPort(host string, port int32) string {
	if port == 0 {
		return ""
	}
	return net.JoinHostPort(host, strconv.Itoa(int(port)))
}
