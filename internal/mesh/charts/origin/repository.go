package origin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"helm.sh/helm/v3/pkg/repo"
	"sigs.k8s.io/yaml"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/fetch"
	"istio-conformance/internal/process/progress"
)

// index is what is needed of a chart repository's index.yaml; see
// https://helm.sh/docs/topics/chart_repository/.
type index struct {
	Entries map[string][]indexEntry `json:"entries"`
}

type indexEntry struct {
	Version string `json:"version"`
	// URLs are absolute or relative to the repository's.
	URLs []string `json:"urls"`
	// Digest is the SHA-256 of the package in hexadecimal; it may be missing.
	Digest string `json:"digest"`
}

// repository is a chart repository.
type repository struct {
	url    string
	client *fetch.Client

	mu    sync.Mutex
	index *index // read once
	// failed is why it could not be read. Who asks again would wait again.
	failed error
}

func newRepository(url string, logf progress.Logf) *repository {
	return &repository{url: url, client: fetch.New(logf)}
}

func (r *repository) String() string { return fetch.Redacted(r.url) }

// Key is the URL: a chart that is published does not change.
func (r *repository) Key() (string, error) { return r.url, nil }

func (r *repository) Versions(ctx context.Context, chart string) ([]string, error) {
	entries, err := r.entries(ctx, chart)
	if err != nil {
		return nil, err
	}
	versions := make([]string, 0, len(entries))
	for _, e := range entries {
		versions = append(versions, e.Version)
	}
	return sorted(versions), nil
}

// Pull compares the package with the digest in the index.
func (r *repository) Pull(ctx context.Context, chart, version, dir string) (string, error) {
	entries, err := r.entries(ctx, chart)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(entries, func(e indexEntry) bool { return e.Version == version })
	if i < 0 {
		versions, err := r.Versions(ctx, chart)
		return "", errors.Join(missing("chart repository "+r.String(), chart, version, versions), err)
	}
	if len(entries[i].URLs) == 0 {
		return "", exitcode.Environmentf("chart repository %s: chart %s %s has no URL", r, chart, version)
	}
	from, err := repo.ResolveReferenceURL(r.url, entries[i].URLs[0])
	if err != nil {
		return "", exitcode.Environmentf("chart %s %s of %s: %w", chart, version, r, err)
	}
	data, err := r.client.Get(ctx, from)
	if err != nil {
		return "", exitcode.Environmentf("chart %s %s from %s: %s", chart, version, fetch.Redacted(from), fetch.Reason(err))
	}
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:]); entries[i].Digest != "" && got != entries[i].Digest {
		return "", exitcode.Environmentf("chart %s %s from %s: digest is %s, the index says %s: the download is broken or the repository was tampered with",
			chart, version, fetch.Redacted(from), got, entries[i].Digest)
	}
	provenance, err := r.provenance(ctx, from)
	if err != nil {
		return "", exitcode.Environmentf("chart %s %s: its provenance, %s.prov: %s", chart, version, fetch.Redacted(from), fetch.Reason(err))
	}
	return save(dir, chart, version, data, provenance)
}

// provenance is the file beside a package that is signed; nil where there is none
// (https://helm.sh/docs/topics/provenance/). Stores of objects answer 403 for what
// they do not have.
func (r *repository) provenance(ctx context.Context, packageURL string) ([]byte, error) {
	data, err := r.client.Get(ctx, packageURL+".prov")
	if status := fetch.Status(err); status == http.StatusNotFound || status == http.StatusForbidden {
		return nil, nil
	}
	return data, err
}

// entries are the versions of a chart, as the index has them.
func (r *repository) entries(ctx context.Context, chart string) ([]indexEntry, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.index == nil && r.failed == nil {
		x, err := r.read(ctx)
		if err != nil && ctx.Err() != nil {
			return nil, err
		}
		r.index, r.failed = x, err
	}
	if r.failed != nil {
		return nil, r.failed
	}
	entries := r.index.Entries[chart]
	if len(entries) == 0 {
		return nil, missing("chart repository "+r.String(), chart, "", slices.Sorted(maps.Keys(r.index.Entries)))
	}
	return entries, nil
}

func (r *repository) read(ctx context.Context) (*index, error) {
	from, err := repo.ResolveReferenceURL(r.url, "index.yaml")
	if err != nil {
		return nil, exitcode.Usagef("chart repository %s: %w", r, err)
	}
	data, err := r.client.Get(ctx, from)
	switch {
	case fetch.Status(err) == http.StatusNotFound:
		return nil, exitcode.Environmentf("chart repository %s: there is no %s: is this the URL of a chart repository?", r, fetch.Redacted(from))
	case ctx.Err() != nil:
		return nil, fmt.Errorf("chart repository %s: %w", r, context.Cause(ctx))
	case err != nil:
		return nil, exitcode.Environmentf("chart repository %s: %s", r, fetch.Reason(err))
	}
	var x index
	if err := yaml.Unmarshal(data, &x); err != nil {
		return nil, exitcode.Environmentf("chart repository %s: index.yaml: %w", r, err)
	}
	return &x, nil
}

// save writes the package and its provenance, whole or not at all.
func save(dir, chart, version string, data, provenance []byte) (string, error) {
	path := filepath.Join(dir, fmt.Sprintf("%s-%s.tgz", chart, version))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("save chart %s: %w", chart, err)
	}
	for name, content := range map[string][]byte{path: data, path + ".prov": provenance} {
		if content == nil {
			continue
		}
		if err := os.WriteFile(name+".partial", content, 0o644); err != nil {
			return "", fmt.Errorf("save chart %s: %w", chart, err)
		}
		if err := os.Rename(name+".partial", name); err != nil {
			return "", fmt.Errorf("save chart %s: %w", chart, err)
		}
	}
	return path, nil
}
