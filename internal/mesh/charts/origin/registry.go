package origin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	helm "helm.sh/helm/v3/pkg/registry"
	"oras.land/oras-go/v2/errdef"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/fetch"
	"istio-conformance/internal/process/progress"
)

// ociRegistry is a registry with a repository for each chart below a prefix. Helm's own
// client asks it, with the credentials of helm registry login and docker login.
type ociRegistry struct {
	prefix name.Repository // any one below the prefix: what it parses as
	path   string          // host/path, without a scheme
	logf   progress.Logf

	once     sync.Once
	insecure bool // it speaks plain HTTP
	pingErr  error
}

func openRegistry(where, path string, logf progress.Logf) (Origin, error) {
	path = strings.Trim(path, "/")
	host, below, _ := strings.Cut(path, "/")
	if host == "" || below == "" {
		return nil, exitcode.Usagef("CHARTS=%s: want oci://<host>/<path>, below which are the charts, such as oci://ghcr.io/istio/release/charts", where)
	}
	if strings.ContainsAny(below, ":@") {
		return nil, exitcode.Usagef("CHARTS=%s: this names one version; name the path that all charts are below, and the version by ISTIO=", where)
	}
	prefix, err := name.NewRepository(path + "/base")
	if err != nil {
		return nil, exitcode.Usagef("CHARTS=%s: %w", where, err)
	}
	return &ociRegistry{prefix: prefix, path: path, logf: logf}, nil
}

func (r *ociRegistry) String() string { return "oci://" + r.path }

// Key is the reference: a version that is published does not change.
func (r *ociRegistry) Key() (string, error) { return r.String(), nil }

func (r *ociRegistry) Versions(ctx context.Context, chart string) ([]string, error) {
	client, err := r.client(ctx)
	if err != nil {
		return nil, err
	}
	tags, err := client.Tags(r.path + "/" + chart)
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("registry %s: %w", r, context.Cause(ctx))
	case fetch.Status(err) == http.StatusNotFound:
		return nil, missing("registry "+r.String(), chart, "", nil)
	case err != nil:
		return nil, exitcode.Environmentf("registry %s: the versions of chart %s: %s", r, chart, r.explain(err))
	}
	return sorted(tags), nil
}

func (r *ociRegistry) Pull(ctx context.Context, chart, version, dir string) (string, error) {
	client, err := r.client(ctx)
	if err != nil {
		return "", err
	}
	// A tag has no plus sign; Helm writes an underscore for it.
	ref := fmt.Sprintf("%s/%s:%s", r.path, chart, strings.ReplaceAll(version, "+", "_"))
	var pulled *helm.PullResult
	err = fetch.Again(ctx, r.logf, "pull "+ref, fetch.CutOff, func() (err error) {
		pulled, err = client.Pull(ref, helm.PullOptWithProv(true), helm.PullOptIgnoreMissingProv(true))
		return err
	})
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("pull %s: %w", ref, context.Cause(ctx))
	case errors.Is(err, errdef.ErrNotFound), fetch.Status(err) == http.StatusNotFound:
		versions, err := r.Versions(ctx, chart)
		if err != nil {
			return "", err
		}
		return "", missing("registry "+r.String(), chart, version, versions)
	case err != nil:
		return "", exitcode.Environmentf("chart %s %s from %s: %s", chart, version, r, r.explain(err))
	}
	return save(dir, chart, version, pulled.Chart.Data, pulled.Prov.Data)
}

// explain says why, and what to do where the user can.
func (r *ociRegistry) explain(err error) string {
	if status := fetch.Status(err); status == http.StatusUnauthorized || status == http.StatusForbidden {
		return fmt.Sprintf("%s: helm registry login %s, or docker login %s", fetch.Reason(err), r.prefix.RegistryStr(), r.prefix.RegistryStr())
	}
	return fetch.Reason(err)
}

// client returns Helm's client, whose requests end with the context.
func (r *ociRegistry) client(ctx context.Context) (*helm.Client, error) {
	sends := bound{ctx, fetch.Transport(r.logf)}
	r.once.Do(func() {
		// It asks by HTTPS and, on a private network, by HTTP at the same time.
		once := fetch.Once()
		r.pingErr = fetch.Again(ctx, r.logf, "ask "+r.String(), fetch.Transient, func() error {
			answer, err := transport.Ping(ctx, r.prefix.Registry, once)
			r.insecure = err == nil && answer.Insecure
			return err
		})
	})
	if r.pingErr != nil {
		why := r.explain(r.pingErr)
		if fetch.Status(r.pingErr) == http.StatusNotFound {
			why = fmt.Sprintf("there is no registry at %s (404 Not Found)", r.prefix.RegistryStr())
		}
		return nil, exitcode.Environmentf("registry %s: %s", r, why)
	}
	options := []helm.ClientOption{helm.ClientOptHTTPClient(&http.Client{Transport: sends}), helm.ClientOptEnableCache(true)}
	if r.insecure {
		options = append(options, helm.ClientOptPlainHTTP())
	}
	client, err := helm.NewClient(options...)
	if err != nil {
		return nil, exitcode.Environmentf("registry %s: %w", r, err)
	}
	return client, nil
}

// bound sends requests that end with a context; Helm's client has none of its own.
type bound struct {
	ctx  context.Context //nolint:containedctx // see above
	next http.RoundTripper
}

func (b bound) RoundTrip(request *http.Request) (*http.Response, error) {
	return b.next.RoundTrip(request.WithContext(b.ctx))
}
