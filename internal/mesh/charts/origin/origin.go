// Package origin is where charts come from: a chart repository, a registry, or a
// folder.
package origin

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"strings"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

// Origin has charts. What it does not have is a *MissingError; one that does not
// answer is an error with status exitcode.Environment.
type Origin interface {
	// String is how the user names it, without a password.
	String() string
	// Key changes when what a version of a chart is may have changed.
	Key() (string, error)
	// Versions are those of a chart, the newest first; nil where its charts bear no
	// version of their own and become the one that is asked for.
	Versions(ctx context.Context, chart string) ([]string, error)
	// Pull brings one version into a directory and returns its path,
	// <dir>/<chart>-<version>.tgz; beside it, where there is one, is its provenance
	// file, <chart>-<version>.tgz.prov.
	Pull(ctx context.Context, chart, version, dir string) (string, error)
}

// Open returns the origin that the user names: the URL of a chart repository, an
// oci:// reference below which each chart has its own, or a folder. It asks nobody
// yet. Bad input is an error with status exitcode.Usage.
func Open(where string, logf progress.Logf) (Origin, error) {
	scheme, rest, remote := strings.Cut(where, "://")
	switch {
	case !remote:
		return openFolder(where)
	case scheme == "oci":
		return openRegistry(where, rest, logf)
	case scheme == "http", scheme == "https":
		return openRepository(where, logf)
	}
	return nil, exitcode.Usagef("CHARTS=%s: want a chart repository (https://...), a registry (oci://...) or a folder of charts", where)
}

func openFolder(dir string) (Origin, error) {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, exitcode.Usagef("CHARTS=%s: there is no such folder; want a chart repository (https://...), a registry (oci://...) or a folder of charts", dir)
	case err != nil:
		return nil, exitcode.Usagef("CHARTS=%s: %w", dir, err)
	case !info.IsDir():
		return nil, exitcode.Usagef("CHARTS=%s: this is a file; name the folder that it is in, with the charts base, cni, gateway, istiod and ztunnel", dir)
	}
	return scan(dir)
}

func openRepository(where string, logf progress.Logf) (Origin, error) {
	if u, err := url.Parse(where); err != nil || u.Host == "" {
		return nil, exitcode.Usagef("CHARTS=%s: this is no URL of a chart repository; want https://<host>/<path>", where)
	}
	return newRepository(where, logf), nil
}
