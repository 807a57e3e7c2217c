package modules

import (
	"context"
	"fmt"
	"path"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"istio-conformance/internal/images/oci"
	"istio-conformance/internal/process/artifact"
	"istio-conformance/internal/process/command"
)

// searchPath is PATH in the images, where manifests name a program alone.
const searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// program is where the one program of an image comes from and goes to.
type program struct {
	part   part
	binary string // its name in the part
	path   string // its path in the image
	onBase bool   // needs the Debian file system: it calls other programs
}

// programs maps the last element of an image's repository to its program.
func (p *plan) programs() map[string]program {
	return map[string]program{
		"kube-apiserver":          {p.kubernetes, "kube-apiserver", "usr/local/bin/kube-apiserver", false},
		"kube-controller-manager": {p.kubernetes, "kube-controller-manager", "usr/local/bin/kube-controller-manager", false},
		"kube-scheduler":          {p.kubernetes, "kube-scheduler", "usr/local/bin/kube-scheduler", false},
		"kube-proxy":              {p.kubernetes, "kube-proxy", "usr/local/bin/kube-proxy", true},
		// The tool's import path ends in server/v3, and so does its name.
		"etcd":    {p.etcd, "server", "usr/local/bin/etcd", false},
		"coredns": {p.coredns, "coredns", "coredns", false},
		"pause":   {p.pause, "pause", "pause", false},
	}
}

// kubernetesImages returns the images that kubeadm and containerd ask for, with
// their layers in dir. sandbox is the image that kind's containerd starts pods from.
func (b *build) kubernetesImages(ctx context.Context, dir, sandbox string) (oci.Archive, error) {
	kubernetes, err := b.dir(ctx, b.plan.kubernetes)
	if err != nil {
		return nil, err
	}
	wanted, err := command.Output(ctx, filepath.Join(kubernetes, "kubeadm"), "config", "images", "list", "--kubernetes-version", b.plan.cell.Kubernetes)
	if err != nil {
		return nil, fmt.Errorf("ask kubeadm which images it needs: %w", err)
	}
	archive := oci.Archive{}
	layers := map[artifact.ID]*oci.Layer{}
	for _, ref := range append(strings.Fields(wanted), sandbox) {
		repository, _, _ := strings.Cut(path.Base(ref), ":")
		program, known := b.plan.programs()[repository]
		if !known {
			return nil, fmt.Errorf("kubeadm %s needs the image %s, which nothing here builds", b.plan.cell.Kubernetes, ref)
		}
		id := program.part.id
		if layers[id] == nil {
			if layers[id], err = b.programLayer(ctx, program.part, filepath.Join(dir, id.Name+".tar")); err != nil {
				return nil, err
			}
		}
		if archive[ref], err = b.programImage(ctx, program, layers[id]); err != nil {
			return nil, err
		}
	}
	return archive, nil
}

// programLayer writes the layer with all the programs of a part that images start.
func (b *build) programLayer(ctx context.Context, p part, layerPath string) (*oci.Layer, error) {
	dir, err := b.dir(ctx, p)
	if err != nil {
		return nil, err
	}
	var tree oci.Tree
	for _, program := range b.plan.programs() {
		if program.part.id != p.id {
			continue
		}
		if err := tree.Program(program.path, filepath.Join(dir, program.binary)); err != nil {
			return nil, err
		}
	}
	return tree.Layer(layerPath)
}

// programImage returns the image of one program, which is in layer. The layer
// comes first, so that a node unpacks it once for all that share it.
func (b *build) programImage(ctx context.Context, p program, layer *oci.Layer) (v1.Image, error) {
	layers := []*oci.Layer{layer}
	if p.onBase {
		base, err := b.proxyLayer(ctx)
		if err != nil {
			return nil, err
		}
		layers = append(layers, base)
	}
	return oci.Image(v1.Config{Entrypoint: []string{"/" + p.path}, Env: []string{searchPath}}, layers...)
}

// proxyLayer is the Debian file system below kube-proxy and Istio's images.
func (b *build) proxyLayer(ctx context.Context) (*oci.Layer, error) {
	dir, err := b.dir(ctx, b.plan.proxySystem)
	if err != nil {
		return nil, err
	}
	return oci.OpenLayer(filepath.Join(dir, layerFile))
}
