package modules

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"istio-conformance/internal/images/oci"
	"istio-conformance/internal/process/command"
	"istio-conformance/internal/process/gobuild"
)

// The layers of a node without Istio, in the artifact of the node, and the
// image IDs of what the last one holds.
const (
	systemLayer   = "system.tar"
	binariesLayer = "binaries.tar"
	imagesLayer   = "images.tar"
	idsFile       = "ids.json"
)

// nodeLayers are the layers of a node without Istio, the lowest first.
var nodeLayers = []string{systemLayer, binariesLayer, imagesLayer}

// nodeDir returns the artifact with a node's layers, which is made when missing.
func (b *build) nodeDir(ctx context.Context) (string, error) {
	return b.ensure(ctx, b.plan.nodeID, "assembled", b.assembleNode)
}

func (b *build) assembleNode(ctx context.Context, dir string) error {
	own := gobuild.Module{Dir: b.plan.root}
	kind, err := own.Source(ctx, kindModule)
	if err != nil {
		return err
	}
	files := filepath.Join(kind, "images", "base", "files")
	if err := b.writeSystem(ctx, files, filepath.Join(dir, systemLayer)); err != nil {
		return err
	}
	if err := b.writeBinaries(ctx, filepath.Join(dir, binariesLayer)); err != nil {
		return err
	}
	sandbox, err := sandboxImage(files)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(dir, "layers-")
	if err != nil {
		return fmt.Errorf("make room for the images' layers: %w", err)
	}
	archive, err := b.kubernetesImages(ctx, scratch, sandbox)
	if err != nil {
		return err
	}
	if err := b.writeContent(ctx, archive, "", filepath.Join(dir, imagesLayer)); err != nil {
		return err
	}
	ids, err := archive.IDs()
	if err != nil {
		return err
	}
	if err := writeJSON(filepath.Join(dir, idsFile), ids); err != nil {
		return err
	}
	return os.RemoveAll(scratch)
}

// writeSystem writes the Debian layer of a node with kind's files over it, as
// the Dockerfile beside those files does it.
func (b *build) writeSystem(ctx context.Context, files, layerPath string) error {
	debian, err := b.dir(ctx, b.plan.nodeSystem)
	if err != nil {
		return err
	}
	var tree oci.Tree
	if err := tree.Directory("", files, fileMode); err != nil {
		return fmt.Errorf("copy kind's node files: %w", err)
	}
	const units = "etc/systemd/system/"
	for _, unit := range []string{"kubelet.service", "containerd.service", "undo-mount-hacks.service"} {
		tree.Link(units+"multi-user.target.wants/"+unit, "/"+units+unit)
	}
	// It would register binary formats with the kernel that all nodes share.
	tree.Link(units+"systemd-binfmt.service", "/dev/null")
	tree.Link("usr/sbin/init", "/usr/lib/systemd/systemd")
	tree.Bytes("etc/systemd/journald.conf.d/kind.conf", 0o644, []byte("[Journal]\nReadKMsg=no\n"))
	tree.Dir("etc/kubernetes/manifests", 0o755)
	spec, err := b.containerSpec(ctx)
	if err != nil {
		return err
	}
	tree.Bytes("etc/containerd/cri-base.json", 0o644, spec)
	_, err = oci.Rewrite(filepath.Join(debian, layerFile), layerPath, unwantedUnit, &tree)
	return err
}

// fileMode is the permission of one of kind's files: its scripts can be run.
func fileMode(rel string) fs.FileMode {
	if strings.HasPrefix(rel, "usr/local/bin/") || strings.HasPrefix(rel, "kind/bin/") {
		return 0o755
	}
	return 0o644
}

// unwantedUnit reports the links that start services which a node must not
// run; the list is that of kind's Dockerfile.
func unwantedUnit(name string) bool {
	dir, file := path.Split(name)
	switch strings.TrimSuffix(dir, "/") {
	case "usr/lib/systemd/system/multi-user.target.wants",
		"usr/lib/systemd/system/local-fs.target.wants",
		"usr/lib/systemd/system/basic.target.wants":
		return true
	case "usr/lib/systemd/system/sysinit.target.wants":
		return file == "systemd-tmpfiles-setup.service"
	case "usr/lib/systemd/system/sockets.target.wants":
		return strings.Contains(file, "udev") || strings.Contains(file, "initctl")
	}
	return strings.HasPrefix(dir, "etc/systemd/system/") && strings.HasSuffix(dir, ".wants/")
}

// containerSpec is what containerd starts every container's configuration
// from: its own default, kind's hook in it, and no resource limits.
func (b *build) containerSpec(ctx context.Context) ([]byte, error) {
	dir, err := b.dir(ctx, b.plan.containerd)
	if err != nil {
		return nil, err
	}
	text, err := command.Output(ctx, filepath.Join(dir, "ctr"), "oci", "spec")
	if err != nil {
		return nil, fmt.Errorf("ask containerd for its default container: %w", err)
	}
	return editSpec([]byte(text))
}

func editSpec(text []byte) ([]byte, error) {
	var spec map[string]any
	if err := json.Unmarshal(text, &spec); err != nil {
		return nil, fmt.Errorf("read containerd's default container: %w", err)
	}
	process, ok := spec["process"].(map[string]any)
	if !ok {
		return nil, fmt.Errorf("containerd's default container has no process")
	}
	delete(process, "rlimits")
	spec["hooks"] = map[string]any{"createContainer": []any{map[string]any{"path": "/kind/bin/mount-product-files.sh"}}}
	return json.MarshalIndent(spec, "", "  ")
}

// writeBinaries writes the layer with the node's own programs.
func (b *build) writeBinaries(ctx context.Context, layerPath string) error {
	var tree oci.Tree
	for _, place := range []struct {
		part     part
		to       string
		binaries []string
	}{
		{b.plan.kubernetes, "usr/bin", []string{"kubeadm", "kubectl", "kubelet"}},
		{b.plan.containerd, "usr/local/bin", []string{"containerd", "containerd-shim-runc-v2", "ctr"}},
		{b.plan.plugins, "opt/cni/bin", []string{"bridge", "host-local", "loopback", "portmap", "ptp"}},
	} {
		dir, err := b.dir(ctx, place.part)
		if err != nil {
			return err
		}
		for _, binary := range place.binaries {
			if err := tree.Program(path.Join(place.to, binary), filepath.Join(dir, binary)); err != nil {
				return err
			}
		}
	}
	tree.Bytes("kind/version", 0o644, []byte(b.plan.cell.Kubernetes))
	_, err := tree.Layer(layerPath)
	return err
}

// sandboxSetting matches the setting of containerd for the image of a pod's
// first container.
var sandboxSetting = regexp.MustCompile(`(?m)^\s*sandbox_image\s*=\s*"([^"]+)"`)

// sandboxImage reads that image from containerd's configuration among kind's files.
func sandboxImage(files string) (string, error) {
	config, err := os.ReadFile(filepath.Join(files, "etc", "containerd", "config.toml"))
	if err != nil {
		return "", fmt.Errorf("read kind's containerd configuration: %w", err)
	}
	found := sandboxSetting.FindSubmatch(config)
	if found == nil {
		return "", fmt.Errorf("kind's containerd configuration names no sandbox_image")
	}
	return string(found[1]), nil
}
