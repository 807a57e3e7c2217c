package modules

import (
	"context"
	"io/fs"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"istio-conformance/internal/images/backend"
	"istio-conformance/internal/images/oci"
)

// bootstrapTemplate is the proxy's first configuration: its path in Istio's
// module and where pilot-agent reads it.
const (
	bootstrapSource = "tools/packaging/common/envoy_bootstrap.json"
	bootstrapPath   = "var/lib/istio/envoy/envoy_bootstrap_tmpl.json"
)

// cniBin is where the image install-cni has the network plugin that it copies to
// the node.
const cniBin = "opt/cni/bin"

// istioImages returns istiod's, the proxy's and the CNI installer's image and the
// tests' backend, with their layers in dir. Paths, users and entry points are those of Istio's
// own Dockerfiles (pilot/docker in its module).
func (b *build) istioImages(ctx context.Context, dir string) (oci.Archive, error) {
	base, err := b.proxyLayer(ctx)
	if err != nil {
		return nil, err
	}
	binaries, err := b.dir(ctx, b.plan.istio)
	if err != nil {
		return nil, err
	}
	pilot, err := pilotImage(base, binaries, filepath.Join(dir, "pilot.tar"))
	if err != nil {
		return nil, err
	}
	proxy, err := b.proxyImage(ctx, base, binaries, filepath.Join(dir, "proxyv2.tar"))
	if err != nil {
		return nil, err
	}
	cni, err := b.cniImage(ctx, base, filepath.Join(dir, "install-cni.tar"))
	if err != nil {
		return nil, err
	}
	own, err := b.plan.backend.Image(ctx, b.store, filepath.Join(dir, "backend.tar"))
	if err != nil {
		return nil, err
	}
	tag := ":" + b.plan.cell.Istio
	return oci.Archive{
		backend.Hub + "/pilot" + tag:       pilot,
		backend.Hub + "/proxyv2" + tag:     proxy,
		backend.Hub + "/install-cni" + tag: cni,
		b.plan.backend.Reference():         own,
	}, nil
}

func pilotImage(base *oci.Layer, binaries, layerPath string) (v1.Image, error) {
	var tree oci.Tree
	tree.Dir("tmp", fs.ModeSticky|0o777)
	if err := tree.File("usr/local/bin/pilot-discovery", 0o755, filepath.Join(binaries, "pilot-discovery")); err != nil {
		return nil, err
	}
	layer, err := tree.Layer(layerPath)
	if err != nil {
		return nil, err
	}
	config := v1.Config{User: "1337:1337", Entrypoint: []string{"/usr/local/bin/pilot-discovery"}, Env: []string{searchPath}}
	return oci.Image(config, base, layer)
}

func (b *build) proxyImage(ctx context.Context, base *oci.Layer, binaries, layerPath string) (v1.Image, error) {
	envoy, err := b.dir(ctx, b.plan.envoy)
	if err != nil {
		return nil, err
	}
	module, err := b.plan.istioModule.Source(ctx, istioModule)
	if err != nil {
		return nil, err
	}
	version, err := envoyVersion(b.plan.root)
	if err != nil {
		return nil, err
	}
	var tree oci.Tree
	for path, source := range map[string]string{
		"usr/local/bin/pilot-agent": filepath.Join(binaries, "pilot-agent"),
		"usr/local/bin/envoy":       filepath.Join(envoy, envoyBinary),
	} {
		if err := tree.File(path, 0o755, source); err != nil {
			return nil, err
		}
	}
	if err := tree.File(bootstrapPath, 0o644, filepath.Join(module, bootstrapSource)); err != nil {
		return nil, err
	}
	layer, err := tree.Layer(layerPath)
	if err != nil {
		return nil, err
	}
	return oci.Image(v1.Config{
		Entrypoint: []string{"/usr/local/bin/pilot-agent"},
		Env:        []string{searchPath, "ISTIO_META_ISTIO_PROXY_SHA=envoy:" + version},
		WorkingDir: "/",
	}, base, layer)
}

// cniImage holds the network plugin and the program that puts it into a node,
// which calls iptables in pods' network namespaces.
func (b *build) cniImage(ctx context.Context, base *oci.Layer, layerPath string) (v1.Image, error) {
	binaries, err := b.dir(ctx, b.plan.istioNode)
	if err != nil {
		return nil, err
	}
	var tree oci.Tree
	for path, name := range map[string]string{cniBin + "/istio-cni": "istio-cni", "usr/local/bin/install-cni": "install-cni"} {
		if err := tree.File(path, 0o755, filepath.Join(binaries, name)); err != nil {
			return nil, err
		}
	}
	layer, err := tree.Layer(layerPath)
	if err != nil {
		return nil, err
	}
	return oci.Image(v1.Config{
		Cmd: []string{"/usr/local/bin/install-cni"}, Env: []string{searchPath + ":/" + cniBin}, WorkingDir: "/" + cniBin,
	}, base, layer)
}
