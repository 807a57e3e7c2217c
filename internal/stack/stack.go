// Package stack builds what the checks run against, one step on the other: the
// machine, the container engine, the images, the cluster and Istio on it; and
// takes away again what it made. Builder does that, and a Stack is what it makes: all
// that a suite gets, which reaches neither the engine nor what the user asked for.
package stack

import (
	"context"
	"errors"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/cluster"
	"istio-conformance/internal/images"
	"istio-conformance/internal/machine/engine"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/desired"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/report"
)

// SystemNamespace is where istiod runs.
const SystemNamespace = "istio-system"

// testNamespace is where the checks put their own objects.
const testNamespace = "istio-conformance"

// ownerLabel marks the namespaces that this project made and may delete.
const ownerLabel = "istio-conformance"

// SystemLabels are the labels that an operator gives to SystemNamespace.
func SystemLabels() map[string]string {
	return map[string]string{"istio-operator-managed": "Reconcile"}
}

// Stack is everything that the checks run against. Its fields are set as far as
// Builder.Build got.
type Stack struct {
	// Cell is the pair of versions under test.
	Cell istio.Resolved
	// Images are the node image, Istio's images and its charts.
	Images *images.Set
	// FromCell is what an upgrade begins with, and From its images and charts; both
	// are empty when there is none.
	FromCell istio.Resolved
	From     *images.Set
	// Cluster is the cluster under test.
	Cluster *cluster.Cluster
	// Client reads and writes objects of any kind in the cluster.
	Client client.Client
	// Helm manages the releases in the cluster.
	Helm *charts.Client
	// Releases are the charts of the installation, in their order.
	Releases []charts.Release
	// InstallError says why the installation failed; nil when it did not.
	InstallError error
	// Gateway is the ingress gateway under test.
	Gateway Gateway
	// Namespace is where the checks put their own objects.
	Namespace string

	config Config
	learned
}

// learned is what the builder has found out of the installation and of the cluster.
type learned struct {
	proxy   report.Proxy
	scratch scratch
	// missingFilters are those of Istio's own that Envoy of a proxy's image lacks.
	missingFilters []string
	// wanted are the user's releases, from Config.Installation.
	wanted []desired.Release
	// trustDomain is of the mesh's identities; empty means Istio's own.
	trustDomain string
	// exports are the mesh's defaults of exportTo.
	exports exports
	// selected are labels by which istiod sees a namespace, where it does not see all.
	selected map[string]string
	// scoped says that a Gateway resource must be in its gateway's namespace.
	scoped bool
	relays relays
	// Of an Istio that is not the harness's own: revision is istiod's, and injection the
	// labels that enrol a namespace.
	revision  string
	injection map[string]string
	// otherDefault says that injection by default is another control plane's.
	otherDefault bool
	// Of a cluster that was there before: recorded are the charts of which Helm has a
	// release, noBackend why there is no image of the backend, and unload takes out of
	// the nodes the one that was loaded.
	recorded  []string
	noBackend string
	unload    func(context.Context) error
	// kind is the engine that runs the nodes kindNodes, where somebody made them with kind
	// on this machine; noKind is why not.
	kind      *engine.Engine
	kindNodes []string
	noKind    string
	// beside is what Beside returns, and own says that this is one.
	beside *Stack
	own    bool
}

// RenewClient makes Client anew: it remembers which kinds the API server has, and
// does not notice when one is gone. No other check may be running.
func (s *Stack) RenewClient() error {
	c, err := client.New(s.Cluster.Config, client.Options{})
	if err != nil {
		return fmt.Errorf("client for cluster %s: %w", s.Cluster.Name, err)
	}
	s.Client = c
	return nil
}

// OnEachNode runs f for all nodes at once and joins the errors.
func (s *Stack) OnEachNode(f func(node string) error) error {
	nodes := s.kindNodes
	for _, node := range s.Cluster.Nodes() {
		nodes = append(nodes, node.Name)
	}
	errs := make([]error, len(nodes))
	var wait sync.WaitGroup
	for i, node := range nodes {
		wait.Go(func() { errs[i] = f(node) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// ensureNamespace creates the namespace, or gives an existing one the labels.
func (s *Stack) ensureNamespace(ctx context.Context, want *corev1.Namespace) error {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: want.Name}}
	err := s.Client.Get(ctx, client.ObjectKeyFromObject(ns), ns)
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("get Namespace %s: %w", want.Name, err)
	}
	if err != nil {
		if err := s.Client.Create(ctx, want); err != nil {
			return fmt.Errorf("create Namespace %s: %w", want.Name, err)
		}
		return nil
	}
	patch := client.MergeFrom(ns.DeepCopy())
	if ns.Labels == nil {
		ns.Labels = map[string]string{}
	}
	for label, value := range want.Labels {
		ns.Labels[label] = value
	}
	if err := s.Client.Patch(ctx, ns, patch); err != nil {
		return fmt.Errorf("label Namespace %s: %w", want.Name, err)
	}
	return nil
}
