package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"istio-conformance/internal/evidence"
	"istio-conformance/internal/process/exitcode"
)

// The files of an archive.
const (
	indexName     = "index.yaml"
	workloadsName = "workloads.yaml"
)

// folders are all that an archive has beside its index.
var folders = []string{"releases", "cluster", "namespaces"}

// Write writes the archive: a tar.gz, or a folder for Git where the name has no such end.
func (m *Mesh) Write(output string) (err error) {
	files, err := m.files()
	if err != nil {
		return err
	}
	if !strings.HasSuffix(output, ".tar.gz") {
		return writeFolder(output, files)
	}
	dir, err := os.MkdirTemp("", "istio-conformance-")
	if err != nil {
		return fmt.Errorf("directory for the archive: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := writeFolder(dir, files); err != nil {
		return err
	}
	// Always the same time: the same mesh is the same archive.
	return evidence.Pack(dir, output, time.Unix(0, 0).UTC())
}

// writeFolder replaces what an earlier capture left in the folder, and nothing else.
func writeFolder(dir string, files map[string][]byte) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return exitcode.Usagef("--output %s: %w", dir, err)
	}
	if _, err := readIndex(os.DirFS(dir)); len(entries) > 0 && err != nil {
		return exitcode.Usagef("--output %s: the folder holds something else than a capture; name a new folder, or a file that ends in .tar.gz", dir)
	}
	for _, name := range folders {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	for name, content := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, content, 0o644)); err != nil {
			return err
		}
	}
	return nil
}

// files are the archive's, by their names.
func (m *Mesh) files() (map[string][]byte, error) {
	f := map[string][]byte{}
	if err := appendDocument(f, indexName, m.Index, Place{}); err != nil {
		return nil, err
	}
	for _, r := range m.Releases {
		if err := appendDocument(f, path.Join("releases", fileName(r.Namespace), fileName(r.Name)+".yaml"), r, r.Place); err != nil {
			return nil, err
		}
	}
	for _, o := range m.Objects {
		if err := appendDocument(f, fileOf(o), o.Body, o.Place); err != nil {
			return nil, err
		}
	}
	for _, w := range m.Workloads {
		if err := appendDocument(f, path.Join("namespaces", fileName(w.Namespace), workloadsName), w, w.Place); err != nil {
			return nil, err
		}
	}
	return f, nil
}

func fileOf(o *Object) string {
	kind := strings.ToLower(o.Kind())
	if o.Group() != "" {
		kind += "." + o.Group()
	}
	if o.Namespace() == "" {
		return path.Join("cluster", fileName(kind)+".yaml")
	}
	return path.Join("namespaces", fileName(o.Namespace()), fileName(kind)+".yaml")
}

// fileName keeps a name within its folder, whatever a YAML file called it.
func fileName(name string) string {
	name = strings.NewReplacer("/", "_", "\\", "_").Replace(name)
	if name == "" || name == "." || name == ".." {
		return "_"
	}
	return name
}

// from begins the comment that says where a document was captured.
const from = "# from "

func appendDocument(files map[string][]byte, name string, value any, at Place) error {
	content, err := yaml.Marshal(value)
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	var document bytes.Buffer
	if len(files[name]) > 0 {
		document.WriteString("---\n")
	}
	if at.File != "" {
		fmt.Fprintf(&document, "%s%s:%d\n", from, at.File, at.Line)
	}
	document.Write(content)
	files[name] = append(files[name], document.Bytes()...)
	return nil
}

// Read reads an archive, or the folder that it is unpacked to. Whatever is wrong with
// it is an error with status exitcode.Usage.
func Read(name string) (*Mesh, error) {
	files, err := evidence.Open(name)
	if err != nil {
		return nil, exitcode.Usagef("capture %s: %s: it is no archive of istio-conformance capture", name, reason(err))
	}
	index, err := readIndex(files)
	if err != nil {
		return nil, exitcode.Usagef("capture %s: %w", name, err)
	}
	m := &Mesh{Index: index}
	err = fs.WalkDir(files, ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Ext(file) != ".yaml" || file == indexName {
			return err
		}
		top, _, _ := strings.Cut(file, "/")
		if !slices.Contains(folders, top) {
			return nil
		}
		return m.readFile(files, file)
	})
	if err != nil {
		return nil, exitcode.Usagef("capture %s: %w", name, err)
	}
	if err := m.check(); err != nil {
		return nil, exitcode.Usagef("capture %s: %w", name, err)
	}
	m.order()
	return m, nil
}

func reason(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

func readIndex(files fs.FS) (Index, error) {
	var index Index
	content, err := fs.ReadFile(files, indexName)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := fs.Stat(files, evidence.IndexName); err == nil {
			return index, errors.New("this is a bundle of evidence, not a mesh; want an archive of istio-conformance capture")
		}
		return index, errors.New("it has no index.yaml, so it is no archive of istio-conformance capture; a folder of YAML is captured by istio-conformance capture --from FOLDER")
	}
	if err != nil {
		return index, err
	}
	if err := yaml.Unmarshal(content, &index); err != nil {
		return index, fmt.Errorf("%s: %w", indexName, err)
	}
	if index.Schema != Schema {
		return index, fmt.Errorf("%s: schema is %q, want %q; capture the mesh with this version of istio-conformance, or use the newer one", indexName, index.Schema, Schema)
	}
	return index, nil
}

// readFile takes in the documents of one file.
func (m *Mesh) readFile(files fs.FS, file string) error {
	documents, err := readDocuments(files, file)
	if err != nil {
		return err
	}
	for _, d := range documents {
		switch {
		case strings.HasPrefix(file, "releases/"):
			r := &Release{Place: d.Place}
			err = d.into(r)
			m.Releases = append(m.Releases, r)
		case path.Base(file) == workloadsName:
			w := &Workload{Place: d.Place}
			err = d.into(w)
			m.Workloads = append(m.Workloads, w)
		case text(d.body, "kind") == "" || text(d.body, "metadata", "name") == "":
			err = fmt.Errorf("%s:%d: this is no object: it has no kind or no metadata.name", file, d.Line)
		default:
			m.Objects = append(m.Objects, &Object{Body: d.body, Place: d.Place})
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// check refuses a mesh in which nothing is Istio's.
func (m *Mesh) check() error {
	for _, o := range m.Objects {
		if o.Configures() && o.Kind() != "GatewayClass" {
			return nil
		}
	}
	if len(m.Releases) > 0 || len(m.Index.ControlPlanes) > 0 {
		return nil
	}
	return errors.New("there is no object of Istio or of the Gateway API in it, and no release of a chart of Istio's: nothing to rehearse; was the right cluster or folder captured?")
}
