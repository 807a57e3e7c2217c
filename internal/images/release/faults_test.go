package release

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/onsi/gomega"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
)

// broken is a registry with a release, which answers some requests as it is told.
type broken struct {
	host string
	// fault answers a request in place of the registry, or says that it does not.
	fault atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]
}

func (b *broken) set(fault func(http.ResponseWriter, *http.Request) bool) { b.fault.Store(&fault) }

// publishBroken starts a registry with the release 1.31.0 and a node image.
func publishBroken(t *testing.T) *broken {
	t.Helper()
	b := &broken{}
	next := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if fault := b.fault.Load(); fault != nil && (*fault)(w, r) {
			return
		}
		next.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	b.host = strings.TrimPrefix(server.URL, "http://")
	for _, repository := range []string{"istio/pilot:1.31.0", "istio/proxyv2:1.31.0", "istio/install-cni:1.31.0", "kindest/node:v1.36.4"} {
		b.push(t, repository, "")
	}
	return b
}

// push puts an image into the registry; an empty architecture says nothing.
func (b *broken) push(t *testing.T, repository, architecture string) v1.Image {
	t.Helper()
	ref, err := name.ParseReference(b.host + "/" + repository)
	if err != nil {
		t.Fatal(err)
	}
	image, err := random.Image(4096, 1)
	if err != nil {
		t.Fatal(err)
	}
	if architecture != "" {
		if image, err = mutate.ConfigFile(image, &v1.ConfigFile{OS: "linux", Architecture: architecture}); err != nil {
			t.Fatal(err)
		}
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
	return image
}

// shown keeps what is logged, of several goroutines.
type shown struct {
	mu  sync.Mutex
	all []string
}

func (s *shown) logf(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, fmt.Sprintf(format, args...))
}

func (s *shown) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.all, "\n")
}

// only answers requests whose path contains a text, as often as times says; less than
// 0 is always.
func only(text string, times int, answer http.HandlerFunc) func(http.ResponseWriter, *http.Request) bool {
	var n atomic.Int32
	return func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, text) || times >= 0 && int(n.Add(1)) > times {
			return false
		}
		answer(w, r)
		return true
	}
}

func answer(status int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
	}
}

// truncated delivers half of what it promises.
func truncated(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "4096")
	_, err := w.Write(bytes.Repeat([]byte{0}, 100))
	if err != nil {
		panic(err)
	}
}

// TestFaults is the table of what can be wrong with a registry: each is one line with
// status 3, what is transient is tried again and shown, and nothing is left.
func TestFaults(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	for _, c := range []struct {
		what   string
		fault  func(*testing.T, *broken, *Options)
		says   string // empty: it succeeds
		logged string
	}{
		{"nothing wrong", func(*testing.T, *broken, *Options) {}, "", ""},
		{"registry down", func(_ *testing.T, _ *broken, o *Options) { o.Hub = "127.0.0.1:1/istio" },
			"registry 127.0.0.1:1: nothing listens there (connection refused); use IMAGES=modules or an archive", "attempt 3 of 3"},
		{"unknown host", func(_ *testing.T, _ *broken, o *Options) { o.Hub = "registry.invalid/istio" }, "registry registry.invalid: no host is called registry.invalid", ""},
		{"registry down, and the engine has a mirror", func(_ *testing.T, _ *broken, o *Options) {
			o.Hub = "127.0.0.1:1/istio"
			o.Engine.(*fakeEngine).info = "https://mirror.example/"
		}, "pull 127.0.0.1:1/istio/", "the engine has a proxy or a mirror of its own and is asked"},
		{"401", func(_ *testing.T, b *broken, _ *Options) { b.set(only("/v2/istio/pilot/manifests", -1, answer(401))) },
			"istio/pilot:1.31.0: access is refused (401 Unauthorized): docker login 127.0.0.1:", ""},
		{"403", func(_ *testing.T, b *broken, _ *Options) { b.set(only("/v2/istio/pilot/manifests", -1, answer(403))) }, "access is refused (403 Forbidden)", ""},
		{"429 with Retry-After, then well", func(_ *testing.T, b *broken, _ *Options) {
			b.set(only("/v2/istio/proxyv2/manifests", 1, answer(429, "Retry-After", "1")))
		}, "", "429 Too Many Requests: attempt 2 of 3 in 1s"},
		{"429 for an hour", func(_ *testing.T, b *broken, _ *Options) {
			b.set(only("/v2/istio/proxyv2/manifests", -1, answer(429, "Retry-After", "3600")))
		}, "it takes no more requests for now (429 Too Many Requests): wait, docker login", "asks to wait 1h0m0s, which is too long"},
		{"500, then well", func(_ *testing.T, b *broken, _ *Options) { b.set(only("/v2/istio/pilot/manifests", 1, answer(500))) }, "", "500 Internal Server Error: attempt 2 of 3"},
		{"503 for ever", func(_ *testing.T, b *broken, _ *Options) { b.set(only("/v2/istio/pilot/manifests", -1, answer(503))) }, "it answers 503 Service Unavailable", "attempt 3 of 3"},
		{"a tag missing in one of four images", func(_ *testing.T, b *broken, _ *Options) {
			b.set(only("/v2/istio/install-cni/manifests/1.31.0", -1, answer(404)))
		},
			"/istio/install-cni:1.31.0; charts are from http://127.0.0.1:", ""},
		{"a version in the charts and not in the hub", func(_ *testing.T, _ *broken, o *Options) { o.Hub += "/other" },
			"/istio/other/pilot:1.31.0, ", ""},
		{"a truncated blob, then well", func(_ *testing.T, b *broken, _ *Options) { b.set(only("/v2/istio/pilot/blobs", 1, truncated)) }, "", "/pilot:1.31.0: GET http://"},
		{"a truncated blob", func(_ *testing.T, b *broken, _ *Options) { b.set(only("/v2/istio/pilot/blobs", -1, truncated)) }, "delivers a broken image", "attempt 3 of 3"},
		{"an image for another architecture", func(t *testing.T, b *broken, _ *Options) { b.push(t, "istio/pilot:1.31.0", "s390x") },
			"istio/pilot:1.31.0 is for linux/s390x, this machine is linux/", ""},
		{"a private registry without credentials", private(""), "access is refused (401 Unauthorized): docker login 127.0.0.1:", ""},
		{"a private registry with credentials in config.json", private("user:secret"), "", ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			g := gomega.NewWithT(t)
			b, logs, engine := publishBroken(t), &shown{}, newEngine()
			o := Options{
				Nodes: map[string]string{"v1.36.4": b.host + "/kindest/node:v1.36.4"}, Charts: chartRepository(t, "1.31.0"), Hub: b.host + "/istio",
				Images: render, Root: checkout(t), CacheDir: t.TempDir(), Engine: engine, Logf: logs.logf,
			}
			c.fault(t, b, &o)
			_, err := New(o).Prepare(t.Context(), istio.Pair{Istio: "1.31.0", Kubernetes: "v1.36.4"})
			g.Expect(logs.String()).To(gomega.ContainSubstring(c.logged))
			if c.says == "" {
				g.Expect(err).NotTo(gomega.HaveOccurred())
				return
			}
			g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(c.says)))
			g.Expect(err.Error()).NotTo(gomega.ContainSubstring("\n"))
			g.Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Environment))
			t.Log(err)
			g.Expect(engine.ids).NotTo(gomega.HaveKey(o.Hub+"/pilot:1.31.0"), "the image stays in the engine")
			left, err := filepath.Glob(filepath.Join(o.CacheDir, "*", ".building-*"))
			g.Expect(err).NotTo(gomega.HaveOccurred())
			g.Expect(left).To(gomega.BeEmpty())
		})
	}
}

// private makes a registry that wants a user and a password; credentials are what the
// user's config.json has.
func private(credentials string) func(*testing.T, *broken, *Options) {
	return func(t *testing.T, b *broken, _ *Options) {
		t.Helper()
		b.set(func(w http.ResponseWriter, r *http.Request) bool {
			if user, password, _ := r.BasicAuth(); user == "user" && password == "secret" {
				return false
			}
			answer(401, "WWW-Authenticate", `Basic realm="private"`)(w, r)
			return true
		})
		if credentials == "" {
			return
		}
		config, err := json.Marshal(map[string]any{"auths": map[string]any{b.host: map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte(credentials))}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json"), config, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
