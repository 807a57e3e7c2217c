package origin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"

	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/process/exitcode"
)

const (
	// deepest is how far below the folder charts are looked for: Istio's sources have
	// istio-control/istio-discovery.
	deepest = 3
	// mostFiles is how many files a folder of charts may have.
	mostFiles = 20_000
	// placeholder is the version of Istio's chart sources, which no release has: its
	// build replaces it (manifests/charts/*/Chart.yaml in istio/istio).
	placeholder = "1.0.0"
)

// folder is a directory with charts, packaged or not.
type folder struct {
	dir    string
	charts map[string][]held
}

// held is one version of a chart in a folder.
type held struct {
	version, path string
	packaged      bool
}

// scan looks for charts.
func scan(dir string) (*folder, error) {
	f := &folder{dir, map[string][]held{}}
	files := 0
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if files++; files > mostFiles {
			return fmt.Errorf("more than %d files: name the folder that the charts are in", mostFiles)
		}
		return f.visit(path, entry)
	})
	if err != nil {
		return nil, exitcode.Usagef("CHARTS=%s: %w", dir, err)
	}
	if len(f.charts) == 0 {
		return nil, exitcode.Usagef("CHARTS=%s: the folder holds no chart; want base, cni, gateway, istiod and ztunnel, packaged (.tgz) or not", dir)
	}
	return f, nil
}

// visit takes in a chart. What is below an unpacked one is part of it.
func (f *folder) visit(path string, entry fs.DirEntry) error {
	below, err := filepath.Rel(f.dir, path)
	if err != nil {
		return err
	}
	switch {
	case entry.IsDir():
		meta, err := chartutil.LoadChartfile(filepath.Join(path, chartutil.ChartfileName))
		if errors.Is(err, fs.ErrNotExist) {
			if below != "." && strings.Count(below, string(filepath.Separator)) >= deepest {
				return fs.SkipDir
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", below, err)
		}
		f.charts[meta.Name] = append(f.charts[meta.Name], held{meta.Version, path, false})
		return fs.SkipDir
	case strings.HasSuffix(path, ".tgz"):
		loaded, err := loader.LoadFile(path)
		if err != nil {
			return fmt.Errorf("%s is no chart: %w", below, err)
		}
		f.charts[loaded.Name()] = append(f.charts[loaded.Name()], held{loaded.Metadata.Version, path, true})
	}
	return nil
}

func (f *folder) String() string { return f.dir }

// Key is made of all that is in the charts: one that is worked on changes under the
// same version.
func (f *folder) Key() (string, error) {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(f.charts)) {
		for _, h := range f.charts[name] {
			if err := digest(sum, h.path); err != nil {
				return "", exitcode.Usagef("CHARTS=%s: %w", f.dir, err)
			}
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// digest adds the names and the contents of a chart's files.
func digest(to io.Writer, root string) error {
	return filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(to, "%q %x\n", path, sha256.Sum256(content))
		return err
	})
}

func (f *folder) Versions(_ context.Context, chart string) ([]string, error) {
	if len(f.charts[chart]) == 0 {
		return nil, missing("folder "+f.dir, chart, "", slices.Sorted(maps.Keys(f.charts)))
	}
	var versions []string
	for _, h := range f.charts[chart] {
		if !h.source() {
			versions = append(versions, h.version)
		}
	}
	if len(versions) == 0 {
		return nil, nil
	}
	return sorted(versions), nil
}

// source says whether it is a source of Istio's, which becomes any version.
func (h held) source() bool { return !h.packaged && h.version == placeholder }

func (f *folder) Pull(ctx context.Context, chart, version, dir string) (string, error) {
	versions, err := f.Versions(ctx, chart)
	if err != nil {
		return "", err
	}
	fits := slices.DeleteFunc(slices.Clone(f.charts[chart]), func(h held) bool { return h.version != version && !h.source() })
	switch {
	case len(fits) == 0:
		return "", missing("folder "+f.dir, chart, version, versions)
	case len(fits) > 1:
		return "", exitcode.Usagef("CHARTS=%s: chart %s %s is there more than once: %s and %s", f.dir, chart, version, fits[0].path, fits[1].path)
	case !fits[0].packaged:
		return charts.Package(fits[0].path, version, dir)
	}
	data, err := os.ReadFile(fits[0].path)
	if err != nil {
		return "", exitcode.Usagef("CHARTS=%s: %w", f.dir, err)
	}
	provenance, err := os.ReadFile(fits[0].path + ".prov")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", exitcode.Usagef("CHARTS=%s: %w", f.dir, err)
	}
	return save(dir, chart, version, data, provenance)
}
