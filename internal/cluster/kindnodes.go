package cluster

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/internal/machine/engine"
)

// ofKind says whether kind made the node on an engine of that kind.
func ofKind(node *corev1.Node, on engine.Kind) bool {
	return strings.HasPrefix(node.Spec.ProviderID, "kind://"+on.String()+"/")
}

// KindNodes returns the nodes of a cluster that somebody made with kind on an engine
// of this machine, to look into with LookIn. It returns none where a node is not a
// container here, or is another one of the same name.
func (c *Cluster) KindNodes(ctx context.Context, e *engine.Engine) ([]string, error) {
	nodes, err := c.Kube.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list Nodes: %w", err)
	}
	var names []string
	for i := range nodes.Items {
		node := &nodes.Items[i]
		if !ofKind(node, e.Kind) {
			return nil, nil
		}
		id, err := e.CLI(ctx, "exec", node.Name, "cat", "/etc/machine-id")
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

// LookIn returns what runs a script that only reads on a node of KindNodes.
func LookIn(e *engine.Engine) func(ctx context.Context, node, script string) (string, error) {
	return func(ctx context.Context, node, script string) (string, error) {
		out, err := e.CLI(ctx, "exec", node, "bash", "-c", script)
		if err != nil {
			return out, fmt.Errorf("node %s: %w", node, err)
		}
		return out, nil
	}
}
