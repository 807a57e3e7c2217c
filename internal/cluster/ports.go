package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"

	"istio-conformance/internal/process/exitcode"
)

// Listen opens a TCP listener on host:port, as net.Listen does; port 0 means
// any free one.
type Listen func(address string) (net.Listener, error)

// ListenTCP is the Listen of a real run.
func ListenTCP(address string) (net.Listener, error) {
	var config net.ListenConfig
	return config.Listen(context.Background(), "tcp", address) // nothing in it waits
}

// ChoosePorts returns a copy of cfg in which every host port that is taken is
// replaced by a free one, and one line for each replacement. It holds every
// port until all are chosen, so that none is chosen twice. Call it right before
// Create: a port may be taken by others once it is released.
func ChoosePorts(cfg *v1alpha4.Cluster, listen Listen) (_ *v1alpha4.Cluster, notes []string, err error) {
	cfg = cfg.DeepCopy()
	var held []net.Listener
	defer func() {
		for _, l := range held {
			err = errors.Join(err, l.Close())
		}
	}()
	type takenPort struct {
		node    string
		mapping *v1alpha4.PortMapping
		reason  error
	}
	var taken []takenPort
	for i, name := range nodeNames("", cfg) {
		for j := range cfg.Nodes[i].ExtraPortMappings {
			mapping := &cfg.Nodes[i].ExtraPortMappings[j]
			if protocol(mapping) != v1alpha4.PortMappingProtocolTCP {
				continue // the gateway's node ports are TCP; the engine judges others
			}
			l, err := listen(hostAddress(mapping))
			if err != nil {
				taken = append(taken, takenPort{name, mapping, err})
				continue
			}
			held = append(held, l)
			if mapping.HostPort == 0 {
				mapping.HostPort = portOf(l)
			}
		}
	}
	for _, t := range taken {
		wished := hostAddress(t.mapping)
		l, err := listen(net.JoinHostPort(t.mapping.ListenAddress, "0"))
		if err != nil {
			return nil, nil, exitcode.Environmentf("no free port on %s for node port %d of the %s node: %w", t.mapping.ListenAddress, t.mapping.ContainerPort, t.node, err)
		}
		held = append(held, l)
		t.mapping.HostPort = portOf(l)
		notes = append(notes, fmt.Sprintf("node port %d of the %s node is reached by %s: %s cannot be used (%v)",
			t.mapping.ContainerPort, t.node, hostAddress(t.mapping), wished, rootCause(t.reason)))
	}
	return cfg, notes, nil
}

func hostAddress(m *v1alpha4.PortMapping) string {
	return net.JoinHostPort(m.ListenAddress, strconv.Itoa(int(m.HostPort)))
}

func portOf(l net.Listener) int32 {
	// A TCP listener's address is a *net.TCPAddr, and a port fits.
	return int32(l.Addr().(*net.TCPAddr).Port)
}

// rootCause leaves out "listen tcp ADDRESS: bind:", which the note says anyway.
func rootCause(err error) error {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return err
}

// nodeNames returns the names that kind gives to the nodes of cfg, in order:
// cluster-role for the first of a role, cluster-role2 for the second, and
// without the cluster's name when that is empty.
func nodeNames(cluster string, cfg *v1alpha4.Cluster) []string {
	names := make([]string, 0, len(cfg.Nodes))
	seen := map[v1alpha4.NodeRole]int{}
	for _, node := range cfg.Nodes {
		role := node.Role
		if role == "" {
			role = v1alpha4.ControlPlaneRole
		}
		seen[role]++
		name := string(role)
		if cluster != "" {
			name = cluster + "-" + name
		}
		if seen[role] > 1 {
			name += strconv.Itoa(seen[role])
		}
		names = append(names, name)
	}
	return names
}
