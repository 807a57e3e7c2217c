package modules

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"istio-conformance/internal/images/backend"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/artifact"
	"istio-conformance/internal/process/gobuild"
)

// assembly is part of every image's key: raise it when this package puts the
// same parts together in another way.
const assembly = "1"

// kindModule is where the files of the node image come from.
const kindModule = "sigs.k8s.io/kind"

// plan is what one cell is made of. Making it reads nothing but the pins.
type plan struct {
	cell istio.Pair
	root string

	kubernetesModule, istioModule gobuild.Module
	istioNodeModule               gobuild.Module
	kindVersion                   string

	// The parts, each an artifact of its own.
	kubernetes, etcd, coredns, containerd, plugins, pause part
	istio, istioNode, ownBackend                          part
	nodeSystem, proxySystem, envoy                        part
	backend                                               *backend.Backend

	// The results: layers with Kubernetes alone, which cells of one
	// Kubernetes version share, and what Istio adds.
	nodeID, cellID artifact.ID
}

// part is one artifact that images are made from.
type part struct {
	id artifact.ID
	// done is the word for having made it: "compiled", "downloaded".
	done string
	// module is what is compiled, nil for what is had otherwise. It is assumed to
	// take so many seconds of one processor until its packages are listed.
	module  *gobuild.Module
	seconds float64
	// make fetches what is not compiled into dir, with its temporary files in
	// scratch; both hold about so many megabytes in the end.
	make      func(ctx context.Context, dir, scratch string) error
	megabytes int
}

// newPlan works out the keys of everything in the cell.
func newPlan(ctx context.Context, root string, cell istio.Pair) (*plan, error) {
	p := &plan{cell: cell, root: root}
	if err := p.findModules(); err != nil {
		return nil, err
	}
	toolchain, err := gobuild.Toolchain(ctx)
	if err != nil {
		return nil, err
	}
	if err := p.addPrograms(toolchain); err != nil {
		return nil, err
	}
	p.nodeSystem = nodeSystem.part()
	p.proxySystem = proxySystem.part()
	if p.envoy, err = envoyPart(root); err != nil {
		return nil, err
	}
	if p.backend, err = backend.New(root, toolchain); err != nil {
		return nil, err
	}
	id, module := p.backend.Program()
	p.ownBackend = part{id: id, done: "compiled", module: module, seconds: 3}
	own := gobuild.Module{Dir: root}
	if p.kindVersion, err = own.Requirement(kindModule); err != nil {
		return nil, err
	}
	p.nodeID = artifact.ID{Name: "node-" + cell.Kubernetes, Key: keyOf(p.nodeParts(), cell.Kubernetes, p.kindVersion)}
	p.cellID = artifact.ID{
		Name: fmt.Sprintf("cell-%s-%s", cell.Kubernetes, cell.Istio),
		Key:  keyOf(p.istioParts(), cell.Istio, p.nodeID.Key),
	}
	return p, nil
}

// nodeParts are what the layers with Kubernetes are made from, the longest to
// compile first.
func (p *plan) nodeParts() []part {
	return []part{p.kubernetes, p.coredns, p.containerd, p.etcd, p.plugins, p.pause, p.nodeSystem, p.proxySystem}
}

// istioParts are what Istio's layer is made from.
func (p *plan) istioParts() []part {
	return []part{p.istio, p.istioNode, p.ownBackend, p.envoy, p.proxySystem, p.containerd}
}

// reference is the name of the node image; everything in it is in its key.
func (p *plan) reference() string {
	return fmt.Sprintf("%s-%s", p.referencePrefix(), p.cellID.Key)
}

func (p *plan) referencePrefix() string {
	return fmt.Sprintf("istio-conformance/node:%s-%s", p.cell.Kubernetes, p.cell.Istio)
}

// addPrograms adds all that is compiled.
func (p *plan) addPrograms(toolchain string) error {
	for _, c := range []struct {
		to      *part
		name    string
		module  *gobuild.Module
		seconds float64
	}{
		{&p.kubernetes, "kubernetes-" + minor(p.cell.Kubernetes), &p.kubernetesModule, 400},
		{&p.istio, "istio-" + minor(p.cell.Istio), &p.istioModule, 200},
		{&p.istioNode, "istio-node-" + minor(p.cell.Istio), &p.istioNodeModule, 30},
		{&p.coredns, "coredns", p.module("coredns", "."), 20},
		{&p.containerd, "containerd", p.module("containerd"), 50},
		{&p.etcd, "etcd", p.module("etcd"), 20},
		{&p.plugins, "cni-plugins", p.module("cni-plugins"), 5},
		{&p.pause, "pause", p.module("pause", "."), 1},
	} {
		key, err := c.module.Key(toolchain)
		if err != nil {
			return err
		}
		*c.to = part{id: artifact.ID{Name: c.name, Key: key}, done: "compiled", module: c.module, seconds: c.seconds}
	}
	return nil
}

// module is a module below images/ without stamps.
func (p *plan) module(name string, packages ...string) *gobuild.Module {
	return &gobuild.Module{Dir: filepath.Join(p.root, "images", name), Packages: packages}
}

// keyOf hashes the keys of parts and what else the result depends on.
func keyOf(parts []part, more ...string) string {
	inputs := append([]string{assembly}, more...)
	for _, part := range parts {
		inputs = append(inputs, part.id.String())
	}
	return artifact.Key(inputs...)
}

// minor returns "1.36" for "v1.36.3" and for "1.36.3".
func minor(version string) string {
	fields := strings.SplitN(strings.TrimPrefix(version, "v"), ".", 3)
	if len(fields) < 2 {
		return version
	}
	return fields[0] + "." + fields[1]
}
