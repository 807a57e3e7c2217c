package charts

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"

	"helm.sh/helm/v3/pkg/repo"
	"sigs.k8s.io/yaml"

	"istio-conformance/internal/exitcode"
)

// Pull fetches one version of a chart from an HTTP chart repository into
// destDir, as <name>-<version>.tgz, and returns its path. It compares the
// package with the digest in the repository's index. A version that the
// repository does not have is an error with status exitcode.Usage, a repository
// that does not answer one with status exitcode.Environment.
func Pull(ctx context.Context, repoURL, name, version, destDir string) (string, error) {
	indexURL, err := repo.ResolveReferenceURL(repoURL, "index.yaml")
	if err != nil {
		return "", exitcode.Usagef("chart repository %q: %w", repoURL, err)
	}
	data, err := get(ctx, indexURL)
	if err != nil {
		return "", exitcode.Environmentf("chart repository %s: %w", repoURL, err)
	}
	var x index
	if err := yaml.Unmarshal(data, &x); err != nil {
		return "", exitcode.Environmentf("chart repository %s: index.yaml: %w", repoURL, err)
	}
	entry, err := x.find(repoURL, name, version)
	if err != nil {
		return "", err
	}
	chartURL, err := repo.ResolveReferenceURL(repoURL, entry.URLs[0])
	if err != nil {
		return "", exitcode.Environmentf("chart %s %s of %s: %w", name, version, repoURL, err)
	}
	if data, err = get(ctx, chartURL); err != nil {
		return "", exitcode.Environmentf("chart %s %s: %w", name, version, err)
	}
	sum := sha256.Sum256(data)
	if got := hex.EncodeToString(sum[:]); entry.Digest != "" && got != entry.Digest {
		return "", exitcode.Environmentf("chart %s %s from %s: digest is %s, the index says %s: the download is broken or the repository was tampered with",
			name, version, chartURL, got, entry.Digest)
	}
	return save(data, filepath.Join(destDir, fmt.Sprintf("%s-%s.tgz", name, version)))
}

// get returns the body of a URL that answers with status 200.
func get(ctx context.Context, url string) (body []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("get %s: %s", url, response.Status)
	}
	if body, err = io.ReadAll(response.Body); err != nil {
		return nil, fmt.Errorf("get %s: %w", url, err)
	}
	return body, nil
}

// save writes the file whole or not at all.
func save(data []byte, path string) (string, error) {
	partial := path + ".partial"
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("save chart: %w", err)
	}
	if err := os.WriteFile(partial, data, 0o644); err != nil {
		return "", fmt.Errorf("save chart: %w", err)
	}
	if err := os.Rename(partial, path); err != nil {
		return "", fmt.Errorf("save chart: %w", err)
	}
	return path, nil
}
