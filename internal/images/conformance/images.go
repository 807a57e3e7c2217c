package conformance

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"istio-conformance/internal/images/backend"
	"istio-conformance/internal/images/oci"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/selfsigned"
)

// binDir is where manifests and the suite look for programs.
const binDir = "/usr/local/bin"

// Reference is the image of the suite's program.
func (s *Suite) Reference() string { return backend.Hub + "/gateway-api:" + filepath.Base(s.suite) }

// Loaded is what Archive wrote.
type Loaded struct {
	// Path is an archive as docker save writes it.
	Path string
	// Others are images that are not in it, by the last element of their repository: the
	// nodes have them by another name.
	Others map[string]string
}

// Archive writes the images that the suite needs to a file in dir: its program, and the
// servers that its manifests name, under those names.
func (s *Suite) Archive(dir string) (_ *Loaded, err error) {
	loaded := &Loaded{Path: filepath.Join(dir, "gateway-api.tar"), Others: map[string]string{}}
	programs, err := s.programs(dir)
	if err != nil {
		return nil, fmt.Errorf("images of the Gateway API's conformance suite: %w", err)
	}
	all := oci.Archive{s.Reference(): programs[program]}
	for _, ref := range s.Images {
		name, _, _ := strings.Cut(path.Base(ref), ":")
		switch image, built := programs[name]; {
		case built:
			all[ref] = image
		case name == "coredns":
			loaded.Others[name] = ref
		default:
			return nil, exitcode.Environmentf("the Gateway API's conformance suite %s needs the image %s, which nothing here builds", s.Version, ref)
		}
	}
	file, err := os.Create(loaded.Path)
	if err != nil {
		return nil, fmt.Errorf("images of the Gateway API's conformance suite: %w", err)
	}
	buffered := bufio.NewWriter(file)
	return loaded, errors.Join(all.Write(buffered), buffered.Flush(), file.Close())
}

// programs returns the images that are built here, by the last element of their
// repository, with their layers in dir.
func (s *Suite) programs(dir string) (map[string]v1.Image, error) {
	certificate, key, err := selfsigned.Certificate(365*24*time.Hour, "echo.test", "echo.test")
	if err != nil {
		return nil, err
	}
	all := map[string]v1.Image{}
	for name, files := range map[string]map[string]string{
		program:         {"gateway-api": s.programPath()},
		"echo-basic":    {"echo-basic": filepath.Join(s.suite, "echo-basic")},
		"echo-advanced": {"server": filepath.Join(s.advanced, "server"), "client": filepath.Join(s.advanced, "client")},
	} {
		var tree oci.Tree
		tree.Dir("tmp", fs.ModeSticky|0o777)
		for file, source := range files {
			if err := tree.File(path.Join(binDir, file), 0o755, source); err != nil {
				return nil, err
			}
		}
		entrypoint := name
		if name == "echo-advanced" {
			// The names are those of the suite's manifest.
			entrypoint = "server"
			tree.Bytes("cert.crt", 0o444, certificate)
			tree.Bytes("cert.key", 0o444, key)
		}
		layer, err := tree.Layer(filepath.Join(dir, name+"-layer.tar"))
		if err != nil {
			return nil, err
		}
		if all[name], err = oci.Image(v1.Config{Entrypoint: []string{path.Join(binDir, entrypoint)}, Env: []string{"PATH=" + binDir}}, layer); err != nil {
			return nil, err
		}
	}
	return all, nil
}
