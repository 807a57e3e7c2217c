// Package project finds the files of this project's own checkout, and the
// directory where what it builds is cached.
package project

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
)

// Root returns the directory of the checkout that holds the working directory:
// the nearest one upwards whose go.mod declares module istio-conformance.
func Root() (string, error) {
	start, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("find the project's root: %w", err)
	}
	for dir := start; ; dir = filepath.Dir(dir) {
		mod, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && bytes.HasPrefix(mod, []byte("module istio-conformance\n")) {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no checkout of istio-conformance at %s or above it: run from inside the project", start)
		}
	}
}

// CacheVariable names the cache directory.
const CacheVariable = "ISTIO_CONFORMANCE_CACHE"

// CacheDir returns the directory outside the checkout for what is costly to
// build, keyed by content: $ISTIO_CONFORMANCE_CACHE, or istio-conformance below
// the user's cache directory. It is created when missing.
func CacheDir(getenv func(string) string) (string, error) {
	dir := getenv(CacheVariable)
	if dir == "" {
		base, err := os.UserCacheDir()
		if err != nil {
			return "", fmt.Errorf("find the cache directory: %w", err)
		}
		dir = filepath.Join(base, "istio-conformance")
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", fmt.Errorf("create the cache directory: %w", err)
	}
	return dir, nil
}
