package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"

	"istio-conformance/internal/process/exitcode"
)

const (
	configKind       = "Cluster"
	configAPIVersion = "kind.x-k8s.io/v1alpha4"
	// loopback is the only address a cluster under test may listen on, and loopback6 that of
	// one whose nodes' ports have no IPv4 address behind them.
	loopback  = "127.0.0.1"
	loopback6 = "::1"
)

// LoadConfig reads a kind configuration file and takes what kind takes, with kind's
// defaults. What the harness must decide itself it replaces, with a note for each:
// the cluster's name, the addresses that ports listen on, and mappings to the given
// node ports, which every node gets. What kind would refuse and what cannot be
// tested is an error with exit status exitcode.Usage, on one line that names the
// file and the field.
func LoadConfig(path string, nodePorts ...int32) (*Config, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, exitcode.Usagef("read the cluster configuration: %w", err)
	}
	cfg, err := parseConfig(raw)
	if err != nil {
		return nil, exitcode.Usagef("%s: %w", path, err)
	}
	c := normalize(cfg, nodePorts)
	for i := range c.Notes {
		c.Notes[i] = path + ": " + c.Notes[i]
	}
	return c, nil
}

func parseConfig(raw []byte) (*v1alpha4.Cluster, error) {
	cfg := &v1alpha4.Cluster{}
	decoder := yaml.NewDecoder(bytes.NewReader(raw))
	decoder.KnownFields(true)
	if err := decoder.Decode(cfg); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, errors.New("the file is empty; want a kind Cluster configuration")
		}
		return nil, errors.New(oneLine(err.Error()))
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one YAML document; want exactly one kind Cluster configuration")
	}
	if err := checkConfig(cfg); err != nil {
		return nil, err
	}
	return cfg, nil
}

func checkConfig(cfg *v1alpha4.Cluster) error {
	switch {
	case cfg.Kind != configKind:
		return fmt.Errorf("kind: %q; want %q", cfg.Kind, configKind)
	case cfg.APIVersion != configAPIVersion:
		return fmt.Errorf("apiVersion: %q; want %q", cfg.APIVersion, configAPIVersion)
	case cfg.Networking.KubeProxyMode == "none":
		return errors.New("networking.kubeProxyMode: none; without kube-proxy no Service is reached, neither istiod's nor a node port; want iptables, nftables or ipvs")
	}
	return checkNodes(cfg.Nodes)
}

func checkNodes(nodes []v1alpha4.Node) error {
	controlPlanes := 0
	taken := map[string]string{}
	for i, node := range nodes {
		field := fmt.Sprintf("nodes[%d]", i)
		switch node.Role {
		case v1alpha4.ControlPlaneRole, "": // kind's default
			controlPlanes++
		case v1alpha4.WorkerRole:
		default:
			return fmt.Errorf("%s.role: %q; want control-plane or worker", field, node.Role)
		}
		if first := nodes[0].Image; node.Image != first {
			return fmt.Errorf("%s.image: %q; nodes[0].image is %q, and all nodes must have one version of Kubernetes", field, node.Image, first)
		}
		for j, mapping := range node.ExtraPortMappings {
			if err := checkMapping(fmt.Sprintf("%s.extraPortMappings[%d]", field, j), mapping, taken); err != nil {
				return err
			}
		}
	}
	if len(nodes) > 0 && controlPlanes != 1 {
		return fmt.Errorf("nodes: %d control-plane nodes; want exactly one: more need the image of kind's load balancer, which no source of images brings", controlPlanes)
	}
	return nil
}

// checkMapping checks one port mapping; taken holds the host ports of the
// mappings before it, with the field that took each.
func checkMapping(field string, m v1alpha4.PortMapping, taken map[string]string) error {
	const highest = 65535
	switch m.Protocol {
	case "", v1alpha4.PortMappingProtocolTCP, v1alpha4.PortMappingProtocolUDP, v1alpha4.PortMappingProtocolSCTP:
	default:
		return fmt.Errorf("%s.protocol: %q; want TCP, UDP or SCTP", field, m.Protocol)
	}
	if m.ContainerPort < 1 || m.ContainerPort > highest {
		return fmt.Errorf("%s.containerPort: %d; want 1 to %d", field, m.ContainerPort, highest)
	}
	if m.HostPort < -1 || m.HostPort > highest {
		return fmt.Errorf("%s.hostPort: %d; want 1 to %d, or 0 for any free port", field, m.HostPort, highest)
	}
	if m.HostPort <= 0 {
		return nil
	}
	port := fmt.Sprintf("%d/%s", m.HostPort, protocol(&m))
	if first, dup := taken[port]; dup {
		return fmt.Errorf("%s.hostPort: %d; %s has the same", field, m.HostPort, first)
	}
	taken[port] = field
	return nil
}

// protocol is a mapping's, or kind's default.
func protocol(m *v1alpha4.PortMapping) v1alpha4.PortMappingProtocol {
	if m.Protocol == "" {
		return v1alpha4.PortMappingProtocolTCP
	}
	return m.Protocol
}

// oneLine joins the lines of a message, which YAML errors have.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
