// Package mirror is what a site without the internet keeps of releases, on one port of
// 127.0.0.1: a registry with images and charts, and a chart repository. It can be made
// to fail: it is what the source of releases is tried against.
package mirror

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	helm "helm.sh/helm/v3/pkg/registry"
	"helm.sh/helm/v3/pkg/repo"
)

// chartsPath is where the chart repository is, and where the charts are in the registry.
const chartsPath = "charts"

// headerTimeout bounds how long a client may take to say what it wants.
const headerTimeout = 10 * time.Second

// Mirror is a registry and a chart repository that run.
type Mirror struct {
	// Host is 127.0.0.1:<port>.
	Host string

	dir    string
	fault  atomic.Pointer[Fault]
	server *http.Server
	ended  chan error
}

// Start starts a mirror with nothing in it. It keeps what is pushed in dir.
func Start(ctx context.Context, dir string) (*Mirror, error) {
	m := &Mirror{dir: dir, ended: make(chan error, 1)}
	for _, path := range []string{m.blobs(), m.charts()} {
		if err := os.MkdirAll(path, 0o755); err != nil {
			return nil, fmt.Errorf("make room for a mirror: %w", err)
		}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start a mirror: %w", err)
	}
	m.Host = listener.Addr().String()
	silent := log.New(io.Discard, "", 0)
	images := registry.New(registry.Logger(silent), registry.WithBlobHandler(registry.NewDiskBlobHandler(m.blobs())))
	mux := http.NewServeMux()
	mux.Handle("/v2/", images)
	mux.Handle("/"+chartsPath+"/", http.StripPrefix("/"+chartsPath, http.FileServer(http.Dir(m.charts()))))
	m.server = &http.Server{Handler: m.failing(mux), ErrorLog: silent, ReadHeaderTimeout: headerTimeout}
	go func() { m.ended <- m.server.Serve(listener) }()
	return m, nil
}

func (m *Mirror) blobs() string  { return filepath.Join(m.dir, "blobs") }
func (m *Mirror) charts() string { return filepath.Join(m.dir, chartsPath) }

// Close ends the mirror at once, with what it is answering. What it keeps stays in its
// directory.
func (m *Mirror) Close() error {
	err := m.server.Close()
	if ended := <-m.ended; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// ServeHTTP answers as the mirror does at its port, for who serves it in another way too.
func (m *Mirror) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.server.Handler.ServeHTTP(w, r) }

// ChartsURL is the chart repository, and ChartsOCI where the same charts are in the
// registry.
func (m *Mirror) ChartsURL() string { return "http://" + m.Host + "/" + chartsPath }

// ChartsOCI is described at ChartsURL.
func (m *Mirror) ChartsOCI() string { return "oci://" + m.Host + "/" + chartsPath }

// Push puts an image into the registry by a name such as istio/pilot:1.31.0.
func (m *Mirror) Push(ctx context.Context, imageName string, image v1.Image) error {
	ref, err := name.ParseReference(m.Host + "/" + imageName)
	if err != nil {
		return fmt.Errorf("push to the mirror: %w", err)
	}
	if err := errors.Join(m.keepLayers(image), remote.Write(ref, image, remote.WithContext(ctx))); err != nil {
		return fmt.Errorf("push %s to the mirror: %w", imageName, err)
	}
	return nil
}

// keepLayers writes an image's layers to where the registry has them: what is pushed to
// it, it holds in memory first, and layers have hundreds of megabytes.
func (m *Mirror) keepLayers(image v1.Image) error {
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	for _, layer := range layers {
		digest, err := layer.Digest()
		if err != nil {
			return err
		}
		path := filepath.Join(m.blobs(), digest.Algorithm, digest.Hex)
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if err := keep(layer, path); err != nil {
			return err
		}
	}
	return nil
}

func keep(layer v1.Layer, path string) (err error) {
	content, err := layer.Compressed()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, content)
	return errors.Join(err, file.Close())
}

// PublishCharts puts packaged charts, <name>-<version>.tgz, into the registry and into
// the chart repository, beside those that are there.
func (m *Mirror) PublishCharts(charts ...Chart) error {
	client, err := helm.NewClient(helm.ClientOptPlainHTTP(), helm.ClientOptWriter(io.Discard))
	if err != nil {
		return fmt.Errorf("publish charts: %w", err)
	}
	for _, c := range charts {
		data, err := os.ReadFile(c.Path)
		if err != nil {
			return fmt.Errorf("publish chart %s: %w", c.Name, err)
		}
		if _, err := client.Push(data, fmt.Sprintf("%s/%s/%s:%s", m.Host, chartsPath, c.Name, c.Version)); err != nil {
			return fmt.Errorf("publish chart %s %s: %w", c.Name, c.Version, err)
		}
		if err := os.WriteFile(filepath.Join(m.charts(), fmt.Sprintf("%s-%s.tgz", c.Name, c.Version)), data, 0o644); err != nil {
			return fmt.Errorf("publish chart %s: %w", c.Name, err)
		}
	}
	index, err := repo.IndexDirectory(m.charts(), m.ChartsURL())
	if err != nil {
		return fmt.Errorf("write the index of charts: %w", err)
	}
	index.SortEntries()
	if err := index.WriteFile(filepath.Join(m.charts(), "index.yaml"), 0o644); err != nil {
		return fmt.Errorf("write the index of charts: %w", err)
	}
	return nil
}

// Chart is a packaged chart in a file.
type Chart struct{ Name, Version, Path string }
