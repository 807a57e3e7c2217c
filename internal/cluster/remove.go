package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"istio-conformance/internal/machine/engine"
	"istio-conformance/internal/process/exitcode"
)

// Delete removes the cluster and its kubeconfig file. It does nothing to an
// existing cluster, which is not ours.
func (c *Cluster) Delete(ctx context.Context) error {
	if !c.Owned() {
		return nil
	}
	return Delete(ctx, c.engine, c.Name, c.Kubeconfig)
}

// Delete removes the cluster of that name and, unless the path is empty, its
// kubeconfig file. A cluster that is already gone is no error; one that the
// harness did not make is, and is left alone.
func Delete(ctx context.Context, e *engine.Engine, name, kubeconfig string) error {
	nodes, err := containers(ctx, e, name)
	if err != nil {
		return exitcode.Environmentf("delete cluster %s: %w", name, err)
	}
	if err := checkOurs(name, nodes); err != nil {
		return err
	}
	if err := remove(ctx, e, name, kubeconfig); err != nil {
		return exitcode.Environmentf("%w", err)
	}
	return nil
}

// List returns the names of the clusters that this harness made and that still
// exist, running or not, sorted.
func List(ctx context.Context, e *engine.Engine) ([]string, error) {
	all, err := containers(ctx, e, "")
	if err != nil {
		return nil, exitcode.Environmentf("%w", err)
	}
	return clusterNames(ours(all)), nil
}

func clusterNames(nodes []container) []string {
	names := make([]string, 0, len(nodes))
	for i := range nodes {
		names = append(names, nodes[i].cluster())
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// remove deletes exactly those containers of the cluster that carry the marker,
// by id and with their volumes as kind does, and the kubeconfig file.
func remove(ctx context.Context, e *engine.Engine, name, kubeconfig string) error {
	nodes, err := containers(ctx, e, name)
	if err != nil {
		return fmt.Errorf("delete cluster %s: %w", name, err)
	}
	args := []string{"rm", "--force", "--volumes"}
	for _, node := range ours(nodes) {
		args = append(args, node.ID)
	}
	if len(args) > 3 {
		if _, err := e.CLI(ctx, args...); err != nil {
			return fmt.Errorf("delete cluster %s: %w", name, err)
		}
	}
	if err := removeVolumes(ctx, e, name); err != nil {
		return fmt.Errorf("delete cluster %s: its volumes: %w", name, err)
	}
	if kubeconfig == "" {
		return nil
	}
	// kind leaves its lock file behind when it is stopped.
	if err := errors.Join(removeFile(kubeconfig), removeFile(kubeconfig+".lock")); err != nil {
		return fmt.Errorf("delete cluster %s: %w", name, err)
	}
	return nil
}

// cleanUp is remove for a failed or interrupted creation: it works although ctx
// may have ended.
func cleanUp(ctx context.Context, o *Options) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTime)
	defer cancel()
	return remove(ctx, o.Engine, o.Name, o.KubeconfigPath)
}
