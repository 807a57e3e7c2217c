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
	// loopback is the only address a cluster under test may listen on.
	loopback = "127.0.0.1"
)

// LoadConfig reads a kind configuration file strictly: what kind would refuse
// or this harness would have to ignore is an error with exit status
// exitcode.Usage, on one line that names the file and the field.
func LoadConfig(path string) (*v1alpha4.Cluster, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, exitcode.Usagef("read the cluster configuration: %w", err)
	}
	cfg, err := parseConfig(raw)
	if err != nil {
		return nil, exitcode.Usagef("%s: %w", path, err)
	}
	return cfg, nil
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
	case cfg.Name != "":
		return fmt.Errorf("name: %q; the harness names its clusters itself, remove the field", cfg.Name)
	case len(cfg.Nodes) == 0:
		return errors.New("nodes: none; want one control-plane node and any number of worker nodes")
	}
	if a := cfg.Networking.APIServerAddress; a != "" && a != loopback {
		return fmt.Errorf("networking.apiServerAddress: %q; want %q or no value", a, loopback)
	}
	return checkNodes(cfg.Nodes)
}

func checkNodes(nodes []v1alpha4.Node) error {
	controlPlanes := 0
	taken := map[int32]string{}
	for i, node := range nodes {
		field := fmt.Sprintf("nodes[%d]", i)
		switch node.Role {
		case v1alpha4.ControlPlaneRole, "": // kind's default
			controlPlanes++
		case v1alpha4.WorkerRole:
		default:
			return fmt.Errorf("%s.role: %q; want control-plane or worker", field, node.Role)
		}
		if node.Image != "" {
			return fmt.Errorf("%s.image: %q; the harness chooses the node image by the Kubernetes version, remove the field", field, node.Image)
		}
		for j, mapping := range node.ExtraPortMappings {
			if err := checkMapping(fmt.Sprintf("%s.extraPortMappings[%d]", field, j), mapping, taken); err != nil {
				return err
			}
		}
	}
	if controlPlanes != 1 {
		// More than one needs kind's load balancer image, which no source of images here brings.
		return fmt.Errorf("nodes: %d control-plane nodes; want exactly one", controlPlanes)
	}
	return nil
}

// checkMapping checks one port mapping; taken holds the host ports of the
// mappings before it, with the field that took each.
func checkMapping(field string, m v1alpha4.PortMapping, taken map[int32]string) error {
	const highest = 65535
	if m.Protocol != "" && m.Protocol != v1alpha4.PortMappingProtocolTCP {
		return fmt.Errorf("%s.protocol: %q; want TCP", field, m.Protocol)
	}
	if m.ListenAddress != loopback {
		return fmt.Errorf("%s.listenAddress: %q; want %q, so that nothing listens beyond this machine", field, m.ListenAddress, loopback)
	}
	if m.ContainerPort < 1 || m.ContainerPort > highest {
		return fmt.Errorf("%s.containerPort: %d; want 1 to %d", field, m.ContainerPort, highest)
	}
	if m.HostPort < 0 || m.HostPort > highest {
		return fmt.Errorf("%s.hostPort: %d; want 1 to %d, or 0 for any free port", field, m.HostPort, highest)
	}
	if first, dup := taken[m.HostPort]; dup && m.HostPort != 0 {
		return fmt.Errorf("%s.hostPort: %d; %s has the same", field, m.HostPort, first)
	}
	taken[m.HostPort] = field
	return nil
}

// oneLine joins the lines of a message, which YAML errors have.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
