package release

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/onsi/gomega"

	"istio-conformance/internal/images/mirror"
	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
)

// published starts a mirror with the images of release 1.31.0 and a node image.
func published(t *testing.T) *mirror.Mirror {
	t.Helper()
	m, err := mirror.Start(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, name := range []string{"istio/pilot:1.31.0", "istio/proxyv2:1.31.0", "istio/install-cni:1.31.0", "kindest/node:v1.36.4"} {
		push(t, m, name, "")
	}
	return m
}

// push puts an image into the registry; an empty architecture says nothing.
func push(t *testing.T, m *mirror.Mirror, name, architecture string) v1.Image {
	t.Helper()
	image, err := random.Image(4096, 1)
	if err == nil && architecture != "" {
		image, err = mutate.ConfigFile(image, &v1.ConfigFile{OS: "linux", Architecture: architecture})
	}
	if err == nil {
		err = m.Push(t.Context(), name, image)
	}
	if err != nil {
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

// TestFaults is the table of what can be wrong with a registry: each is one line with
// status 3, what is transient is tried again and shown, and nothing is left.
func TestFaults(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	for _, c := range []struct {
		what   string
		fault  func(*testing.T, *mirror.Mirror, *Options)
		says   string // empty: it succeeds
		logged string
	}{
		{"nothing wrong", func(*testing.T, *mirror.Mirror, *Options) {}, "", ""},
		{"registry down", func(_ *testing.T, _ *mirror.Mirror, o *Options) { o.Hub = "127.0.0.1:1/istio" },
			"registry 127.0.0.1:1: nothing listens there (connection refused); use IMAGES=modules or an archive", "attempt 3 of 3"},
		{"unknown host", func(_ *testing.T, _ *mirror.Mirror, o *Options) { o.Hub = "registry.invalid/istio" }, "registry registry.invalid: no host is called registry.invalid", ""},
		{"registry down, and the engine has a mirror", func(_ *testing.T, _ *mirror.Mirror, o *Options) {
			o.Hub = "127.0.0.1:1/istio"
			o.Engine.(*fakeEngine).info = "https://mirror.example/"
		}, "pull 127.0.0.1:1/istio/", "the engine has a proxy or a mirror of its own and is asked"},
		{"401", func(_ *testing.T, m *mirror.Mirror, _ *Options) {
			m.Fail(mirror.Only("/v2/istio/pilot/manifests", mirror.Always, mirror.Answer(401)))
		},
			"istio/pilot:1.31.0: access is refused (401 Unauthorized): docker login 127.0.0.1:", ""},
		{"403", func(_ *testing.T, m *mirror.Mirror, _ *Options) {
			m.Fail(mirror.Only("/v2/istio/pilot/manifests", mirror.Always, mirror.Answer(403)))
		}, "access is refused (403 Forbidden)", ""},
		{"429 with Retry-After, then well", func(_ *testing.T, m *mirror.Mirror, _ *Options) {
			m.Fail(mirror.Only("/v2/istio/proxyv2/manifests", 1, mirror.Answer(429, "Retry-After", "1")))
		}, "", "429 Too Many Requests: attempt 2 of 3 in 1s"},
		{"429 for an hour", func(_ *testing.T, m *mirror.Mirror, _ *Options) {
			m.Fail(mirror.Only("/v2/istio/proxyv2/manifests", mirror.Always, mirror.Answer(429, "Retry-After", "3600")))
		}, "it takes no more requests for now (429 Too Many Requests): wait, docker login", "asks to wait 1h0m0s, which is too long"},
		{"500, then well", func(_ *testing.T, m *mirror.Mirror, _ *Options) {
			m.Fail(mirror.Only("/v2/istio/pilot/manifests", 1, mirror.Answer(500)))
		}, "", "500 Internal Server Error: attempt 2 of 3"},
		{"503 for ever", func(_ *testing.T, m *mirror.Mirror, _ *Options) {
			m.Fail(mirror.Only("/v2/istio/pilot/manifests", mirror.Always, mirror.Answer(503)))
		}, "it answers 503 Service Unavailable", "attempt 3 of 3"},
		{"a tag missing in one of four images", func(_ *testing.T, m *mirror.Mirror, _ *Options) {
			m.Fail(mirror.Only("/v2/istio/install-cni/manifests/1.31.0", mirror.Always, mirror.Answer(404)))
		},
			"/istio/install-cni:1.31.0; charts are from http://127.0.0.1:", ""},
		{"a version in the charts and not in the hub", func(_ *testing.T, _ *mirror.Mirror, o *Options) { o.Hub += "/other" },
			"/istio/other/pilot:1.31.0, ", ""},
		{"a truncated blob, then well", func(_ *testing.T, m *mirror.Mirror, _ *Options) {
			m.Fail(mirror.Only("/v2/istio/pilot/blobs", 1, mirror.Truncated))
		}, "", "/pilot:1.31.0: GET http://"},
		{"a truncated blob", func(_ *testing.T, m *mirror.Mirror, _ *Options) {
			m.Fail(mirror.Only("/v2/istio/pilot/blobs", mirror.Always, mirror.Truncated))
		}, "delivers a broken image", "attempt 3 of 3"},
		{"an image for another architecture", func(t *testing.T, m *mirror.Mirror, _ *Options) { push(t, m, "istio/pilot:1.31.0", "s390x") },
			"istio/pilot:1.31.0 is for linux/s390x, this machine is linux/", ""},
		{"a private registry without credentials", private(""), "access is refused (401 Unauthorized): docker login 127.0.0.1:", ""},
		{"a private registry with credentials in config.json", private("user:secret"), "", ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			g := gomega.NewWithT(t)
			m, logs, engine := published(t), &shown{}, newEngine()
			o := Options{
				Nodes: map[string]string{"v1.36.4": m.Host + "/kindest/node:v1.36.4"}, Charts: chartRepository(t, m, "1.31.0"), Hub: m.Host + "/istio",
				Images: render, Root: checkout(t), CacheDir: t.TempDir(), Engine: engine, Logf: logs.logf,
			}
			c.fault(t, m, &o)
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
func private(credentials string) func(*testing.T, *mirror.Mirror, *Options) {
	return func(t *testing.T, m *mirror.Mirror, _ *Options) {
		t.Helper()
		m.Fail(mirror.Private("user", "secret"))
		if credentials == "" {
			return
		}
		config, err := json.Marshal(map[string]any{"auths": map[string]any{m.Host: map[string]string{"auth": base64.StdEncoding.EncodeToString([]byte(credentials))}}})
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(os.Getenv("DOCKER_CONFIG"), "config.json"), config, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
