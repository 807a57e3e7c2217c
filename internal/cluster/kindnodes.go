package cluster

import (
	"context"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// kindProvider begins the provider's id of a node that kind made with Docker.
const kindProvider = "kind://docker/"

// KindNodes returns the nodes of a cluster that somebody made with kind on this
// machine's engine, to look into with Exec. It returns none where a node is not a
// container here, or is another one of the same name.
func (c *Cluster) KindNodes(ctx context.Context) ([]string, error) {
	nodes, err := c.Kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list Nodes: %w", err)
	}
	var names []string
	for i := range nodes.Items {
		node := &nodes.Items[i]
		if !strings.HasPrefix(node.Spec.ProviderID, kindProvider) {
			return nil, nil
		}
		id, err := docker(ctx, "exec", node.Name, "cat", "/etc/machine-id")
		if err != nil {
			return nil, fmt.Errorf("look for node %s among the containers: %w", node.Name, err)
		}
		if strings.TrimSpace(id) != node.Status.NodeInfo.MachineID {
			return nil, fmt.Errorf("container %s is not the node of that name", node.Name)
		}
		names = append(names, node.Name)
	}
	return names, nil
}

// LookIn runs a script that only reads on a node of KindNodes.
func (c *Cluster) LookIn(ctx context.Context, node, script string) (string, error) {
	out, err := docker(ctx, "exec", node, "bash", "-c", script)
	if err != nil {
		return out, fmt.Errorf("node %s: %w", node, err)
	}
	return out, nil
}
