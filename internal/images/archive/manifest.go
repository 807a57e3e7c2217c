// Package archive keeps a prepared cell in one file, so that a machine without
// any network can run it: the node image and whatever is loaded into nodes, the
// charts, and a manifest with their checksums.
package archive

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"istio-conformance/internal/images"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
)

// schema names the format. A reader refuses all others.
const schema = "istio-conformance/images/v1"

// The entries of an archive; the manifest is the first one.
const (
	manifestName = "manifest.json"
	imagesName   = "images.tar"
	chartsDir    = "charts/"
)

// maxManifest bounds what is read before anything is verified.
const maxManifest = 1 << 20

// manifest says what an archive holds.
type manifest struct {
	Schema string     `json:"schema"`
	Cell   istio.Pair `json:"cell"`
	// Set describes the cell; its charts are names of entries.
	Set images.Set `json:"set"`
	// References are the images in images.tar with their IDs in the engine
	// that saved them.
	References map[string]string `json:"references"`
	// Files maps the name of every other entry to "sha256:" and its checksum.
	Files map[string]string `json:"files"`
}

// readManifest reads the first entry of the archive.
func readManifest(r *tar.Reader, path string) (*manifest, error) {
	foreign := func(err error) error {
		return exitcode.Usagef("%s is not an archive of images that istio-conformance saved: %w", path, err)
	}
	header, err := r.Next()
	if err != nil {
		return nil, foreign(err)
	}
	if header.Name != manifestName {
		return nil, foreign(fmt.Errorf("it begins with %s instead of %s", header.Name, manifestName))
	}
	data, err := io.ReadAll(io.LimitReader(r, maxManifest))
	if err != nil {
		return nil, foreign(err)
	}
	var m manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, foreign(err)
	}
	if err := m.validate(); err != nil {
		return nil, foreign(err)
	}
	return &m, nil
}

// validate refuses a manifest that is incomplete or names paths outside the
// directory where the archive is unpacked.
func (m *manifest) validate() error {
	if m.Schema != schema {
		return fmt.Errorf("its schema is %q, this version reads %q", m.Schema, schema)
	}
	if m.Files[imagesName] == "" || len(m.References) == 0 || m.References[m.Set.Node] == "" {
		return errors.New("it holds no node image")
	}
	for name := range m.Files {
		if !filepath.IsLocal(name) {
			return fmt.Errorf("its entry %q leads out of the archive", name)
		}
	}
	for _, name := range images.ChartNames {
		if m.Files[m.Set.Charts[name]] == "" {
			return fmt.Errorf("the chart %s is missing", name)
		}
	}
	return nil
}

// checkCell fails when the archive was saved for other versions.
func (m *manifest) checkCell(path string, want istio.Pair) error {
	if m.Cell == want {
		return nil
	}
	return exitcode.Usagef("%s holds Istio %s on Kubernetes %s, not Istio %s on Kubernetes %s: ask for what it holds, or use another archive",
		path, m.Cell.Istio, m.Cell.Kubernetes, want.Istio, want.Kubernetes)
}
