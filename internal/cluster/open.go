package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// answerTime is how long an API server may take to answer a single question
// before it counts as dead.
const answerTime = 10 * time.Second

// ErrNoCluster says that there is no cluster of that name to open.
var ErrNoCluster = errors.New("no such cluster")

// Open returns the cluster that an earlier run created from the same Options
// and kept. Every other error than ErrNoCluster says why the cluster cannot be
// used again; Create replaces it. The kubeconfig is written anew, and routes
// that a restart of the nodes has lost are restored.
func Open(ctx context.Context, o Options) (*Cluster, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	nodes, err := containers(ctx, o.Engine, o.Name)
	if err != nil {
		return nil, err
	}
	if len(nodes) == 0 {
		return nil, fmt.Errorf("cluster %s: %w", o.Name, ErrNoCluster)
	}
	want, err := o.fingerprint(ctx)
	if err != nil {
		return nil, err
	}
	if err := reusable(o.Name, nodes, nodeNames(o.Name, o.Config), want); err != nil {
		return nil, err
	}
	if err := writeKubeconfig(&o); err != nil {
		return nil, err
	}
	c, err := attach(ctx, &o)
	if err != nil {
		return nil, err
	}
	if _, err := c.ServerVersion(ctx); err != nil {
		return nil, fmt.Errorf("cluster %s cannot be used again: %w", o.Name, err)
	}
	if err := c.connectNodes(ctx, o.Config.Networking); err != nil {
		return nil, fmt.Errorf("cluster %s cannot be used again: %w", o.Name, err)
	}
	return c, nil
}

// reusable says why nodes are not the wanted cluster.
func reusable(name string, nodes []container, names []string, fingerprint string) error {
	if err := checkOurs(name, nodes); err != nil {
		return err
	}
	have := map[string]bool{}
	for i := range nodes {
		node := &nodes[i]
		have[node.Name] = true
		if made, _ := node.marker(); made != fingerprint {
			return fmt.Errorf("cluster %s cannot be used again: it was made from another node image or configuration (%s, now %s)", name, made, fingerprint)
		}
		if !node.State.Running {
			return fmt.Errorf("cluster %s cannot be used again: node %s is %s", name, node.Name, node.State.Status)
		}
	}
	for _, want := range names {
		if !have[want] {
			return fmt.Errorf("cluster %s cannot be used again: node %s is gone", name, want)
		}
	}
	return nil
}

// writeKubeconfig writes the kubeconfig that kind gives for the cluster.
func writeKubeconfig(o *Options) error {
	provider, err := onEngine(o.Engine, o.Logf)
	if err != nil {
		return err
	}
	content, err := provider.KubeConfig(o.Name, false)
	if err != nil {
		return fmt.Errorf("cluster %s: its kubeconfig: %w", o.Name, err)
	}
	if err := os.MkdirAll(filepath.Dir(o.KubeconfigPath), 0o755); err != nil {
		return fmt.Errorf("cluster %s: directory of its kubeconfig: %w", o.Name, err)
	}
	if err := removeFile(o.KubeconfigPath); err != nil { // a file that exists keeps its mode
		return fmt.Errorf("cluster %s: its old kubeconfig: %w", o.Name, err)
	}
	if err := os.WriteFile(o.KubeconfigPath, []byte(strings.TrimSpace(content)+"\n"), 0o600); err != nil {
		return fmt.Errorf("cluster %s: its kubeconfig: %w", o.Name, err)
	}
	return nil
}
