package cluster

import (
	"context"
	"fmt"
	"os"
	"slices"

	"sigs.k8s.io/kind/pkg/cluster/nodes"

	"istio-conformance/internal/machine/engine"
	"istio-conformance/internal/process/progress"
)

// LoadIntoKind brings an image from an archive into nodes that KindNodes found, and
// returns those that did not have it.
func (c *Cluster) LoadIntoKind(ctx context.Context, e *engine.Engine, names []string, reference, archive string) ([]string, error) {
	if _, err := os.Stat(archive); err != nil {
		return nil, err
	}
	var lacking []string
	for _, node := range names {
		listed, err := e.CLI(ctx, "exec", node, "ctr", "--namespace", "k8s.io", "images", "list")
		if err != nil {
			return nil, fmt.Errorf("images of node %s: %w", node, err)
		}
		if !slices.ContainsFunc(parseImages(listed), func(i image) bool { return i.reference == canonical(reference) }) {
			lacking = append(lacking, node)
		}
	}
	provider, err := onEngine(e, progress.Discard)
	if err != nil {
		return nil, err
	}
	all, err := containers(ctx, e, "")
	if err != nil {
		return nil, err
	}
	of := map[string]string{}
	for i := range all {
		of[all[i].Name] = all[i].cluster()
	}
	var handles []nodes.Node
	for _, node := range lacking {
		known, err := provider.ListNodes(of[node])
		if err != nil {
			return nil, fmt.Errorf("nodes of kind cluster %s: %w", of[node], err)
		}
		i := slices.IndexFunc(known, func(n nodes.Node) bool { return n.String() == node })
		if i < 0 {
			return nil, fmt.Errorf("node %s is none of kind cluster %s", node, of[node])
		}
		handles = append(handles, known[i])
	}
	return lacking, onEach(handles, func(node nodes.Node) error {
		if err := importArchive(ctx, node, archive); err != nil {
			return fmt.Errorf("load image %s into node %s: %w%s", reference, node, err, lastWords(err))
		}
		return nil
	})
}

// RemoveFromKind takes an image out of nodes again.
func RemoveFromKind(ctx context.Context, e *engine.Engine, names []string, reference string) error {
	return onEach(names, func(node string) error {
		if _, err := e.CLI(ctx, "exec", node, "crictl", "rmi", canonical(reference)); err != nil {
			return fmt.Errorf("remove image %s from node %s: %w", reference, node, err)
		}
		return nil
	})
}
