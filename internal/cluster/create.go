package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"sigs.k8s.io/kind/pkg/apis/config/v1alpha4"
	kind "sigs.k8s.io/kind/pkg/cluster"

	"istio-conformance/internal/machine/engine"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// Options says which cluster to create, or to find again.
type Options struct {
	// Engine runs the nodes.
	Engine *engine.Engine
	// Name is kind's name of the cluster; the nodes' names begin with it.
	Name string
	// Config is the configuration from LoadConfig and Adapt, for Create from
	// ChoosePorts as well.
	Config *v1alpha4.Cluster
	// NodeImage is a reference that is present in the engine; nothing is pulled.
	NodeImage string
	// KubeconfigPath is where the cluster's own kubeconfig is written, mode 0600.
	// What was there before is replaced; the user's own is never touched.
	KubeconfigPath string
	// LogsDir is where the nodes' logs are saved when creation fails.
	LogsDir string
	// Logf receives kind's progress; nil drops it.
	Logf progress.Logf
}

// validName is what the name of a container, a host and a kubeconfig context
// all allow; with "-control-plane2" behind it a host name has at most 63 bytes.
var validName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,47}$`)

func (o *Options) check() error {
	switch {
	case !validName.MatchString(o.Name):
		return exitcode.Usagef("cluster name %q: want lower-case letters, digits and '-', at most 48", o.Name)
	case o.KubeconfigPath == "":
		// kind would write to the user's own file.
		return errors.New("cluster " + o.Name + ": no path for its kubeconfig")
	case o.Config == nil || o.NodeImage == "":
		return errors.New("cluster " + o.Name + ": no configuration or no node image")
	}
	if o.Logf == nil {
		o.Logf = progress.Discard
	}
	return nil
}

// Create makes the cluster with kind and, where the configuration disables
// kind's own network, writes a CNI configuration into the nodes; kube-proxy gets
// a CPU request. It does not wait for the nodes to be Ready. A cluster of the same
// name is replaced if the harness made it and is an error otherwise. When creation
// fails the nodes' logs are saved and the nodes deleted; when ctx ends they are
// deleted at once. Errors have exit status exitcode.Environment.
func Create(ctx context.Context, o Options) (*Cluster, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	fp, err := o.fingerprint(ctx)
	if err != nil {
		return nil, err
	}
	if err := makeRoom(ctx, &o); err != nil {
		return nil, err
	}
	started := time.Now()
	c, err := build(ctx, &o, withMarker(o.Config, fp))
	if err == nil {
		return c, nil
	}
	elapsed := time.Since(started).Round(time.Second)
	if ctx.Err() != nil {
		err = fmt.Errorf("create cluster %s: stopped after %s: %w", o.Name, elapsed, context.Cause(ctx))
		return nil, errors.Join(err, cleanUp(ctx, &o))
	}
	words := lastWords(err)
	if words == "" {
		words = nodesLastWords(ctx, &o)
	}
	err = exitcode.Environmentf("create cluster %s: failed after %s: %w%s%s", o.Name, elapsed, err, words, saveLogs(ctx, &o))
	return nil, errors.Join(err, cleanUp(ctx, &o))
}

// fingerprint is that of the cluster which o describes.
func (o *Options) fingerprint(ctx context.Context) (string, error) {
	id, err := o.Engine.ImageID(ctx, o.NodeImage)
	if err != nil {
		return "", exitcode.Environmentf("cluster %s: node image: %w", o.Name, err)
	}
	return fingerprint(o.Config, id)
}

// makeRoom removes a cluster of ours that has the name, and the old kubeconfig.
func makeRoom(ctx context.Context, o *Options) error {
	nodes, err := containers(ctx, o.Engine, o.Name)
	if err != nil {
		return exitcode.Environmentf("cluster %s: %w", o.Name, err)
	}
	if err := checkOurs(o.Name, nodes); err != nil {
		return err
	}
	if len(nodes) > 0 {
		o.Logf("removing the cluster %s of an earlier run", o.Name)
	}
	if err := remove(ctx, o.Engine, o.Name, o.KubeconfigPath); err != nil {
		return exitcode.Environmentf("%w", err)
	}
	if err := os.MkdirAll(filepath.Dir(o.KubeconfigPath), 0o755); err != nil {
		return exitcode.Environmentf("cluster %s: directory of its kubeconfig: %w", o.Name, err)
	}
	return nil
}

// checkOurs refuses a cluster with a node that the harness did not make.
func checkOurs(name string, nodes []container) error {
	for i := range nodes {
		if _, marked := nodes[i].marker(); !marked {
			return exitcode.Environmentf("cluster %s exists and was not made by this harness (node %s): choose another name, or delete it with: kind delete cluster --name %s",
				name, nodes[i].Name, name)
		}
	}
	return nil
}

// build runs kind and attaches to what it made.
func build(ctx context.Context, o *Options, cfg *v1alpha4.Cluster) (*Cluster, error) {
	provider, err := onEngine(o.Engine, o.Logf)
	if err != nil {
		return nil, err
	}
	err = interruptible(ctx, func() error {
		return provider.Create(o.Name,
			kind.CreateWithV1Alpha4Config(cfg),
			kind.CreateWithNodeImage(o.NodeImage),
			kind.CreateWithKubeconfigPath(o.KubeconfigPath),
			kind.CreateWithRetain(true), // the logs are saved before the nodes go
		)
	}, func(ctx context.Context) error { return remove(ctx, o.Engine, o.Name, o.KubeconfigPath) })
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(o.KubeconfigPath, 0o600); err != nil {
		return nil, err
	}
	c, err := attach(ctx, o)
	if err != nil {
		return nil, err
	}
	// Before there is a pod network: CoreDNS, which starts with it, would ask for the
	// API server by a virtual IP that leads nowhere while kube-proxy starts anew, and
	// try again only 30 s later.
	if err := c.requestKubeProxyCPU(ctx); err != nil {
		return nil, err
	}
	if err := c.connectNodes(ctx, cfg.Networking); err != nil {
		return nil, err
	}
	return c, nil
}

// attach returns the cluster of ours that o names.
func attach(ctx context.Context, o *Options) (*Cluster, error) {
	nodes, err := containers(ctx, o.Engine, o.Name)
	if err != nil {
		return nil, err
	}
	clients, err := clientsFor(o.KubeconfigPath, "kind-"+o.Name)
	if err != nil {
		return nil, err
	}
	return &Cluster{Clients: clients, Name: o.Name, Kubeconfig: o.KubeconfigPath, engine: o.Engine, nodes: ours(nodes)}, nil
}

// removeFile removes a file that may be missing.
func removeFile(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
