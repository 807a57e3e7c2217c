package charts

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"

	"istio-conformance/internal/exitcode"
)

var demoDir = filepath.Join("testdata", "demo")

func packageDemo(t *testing.T, version string) string {
	t.Helper()
	path, err := Package(demoDir, version, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPackage(t *testing.T) {
	path := packageDemo(t, "1.31.0")
	if filepath.Base(path) != "demo-1.31.0.tgz" {
		t.Errorf("packaged as %s", path)
	}
	loaded, err := loader.Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if m := loaded.Metadata; m.Version != "1.31.0" || m.AppVersion != "1.31.0" {
		t.Errorf("version %s, appVersion %s; want both stamped", m.Version, m.AppVersion)
	}
	if _, err := Package(demoDir, "latest", t.TempDir()); err == nil {
		t.Error("packaged at version latest, which is none")
	}
	if _, err := Package(t.TempDir(), "1.0.0", t.TempDir()); err == nil {
		t.Error("packaged a directory that holds no chart")
	}
}

// repository serves demo 1.31.0 and an index whose entries point to it, one by a
// relative URL, one by an absolute one, and one with a wrong digest.
func repository(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(packageDemo(t, "1.31.0"))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	sum := fmt.Sprintf("%x", sha256.Sum256(data))
	index := fmt.Sprintf(`apiVersion: v1
entries:
  base:
  - {apiVersion: v2, name: base, version: 1.31.0, urls: [base.tgz]}
  demo:
  - {apiVersion: v2, name: demo, version: 1.31.0, digest: %[1]s, urls: [charts/demo.tgz]}
  - {apiVersion: v2, name: demo, version: 1.31.1, digest: %[1]s, urls: [%[2]s/repo/charts/demo.tgz]}
  - {apiVersion: v2, name: demo, version: 1.31.10, digest: %[3]s, urls: [charts/demo.tgz]}
  - {apiVersion: v2, name: demo, version: 1.31.2, digest: %[1]s, urls: [charts/gone.tgz]}
  - {apiVersion: v2, name: demo, version: 1.30.4, urls: []}
`, sum, server.URL, strings.Repeat("0", 64))
	for path, body := range map[string][]byte{
		"/repo/index.yaml": []byte(index), "/repo/charts/demo.tgz": data, "/garbage/index.yaml": []byte("entries: ["),
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, _ *http.Request) {
			if _, err := w.Write(body); err != nil {
				t.Error(err)
			}
		})
	}
	return server.URL
}

func TestPull(t *testing.T) {
	url := repository(t)
	for _, version := range []string{"1.31.0", "1.31.1"} {
		dir := filepath.Join(t.TempDir(), "new")
		path, err := Pull(t.Context(), url+"/repo", "demo", version, dir)
		if err != nil {
			t.Fatal(err)
		}
		if want := filepath.Join(dir, "demo-"+version+".tgz"); path != want {
			t.Errorf("%s: saved as %s, want %s", version, path, want)
		}
		loaded, err := loader.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		if loaded.Name() != "demo" {
			t.Errorf("%s: got chart %s", version, loaded.Name())
		}
	}
}

func TestPullRefuses(t *testing.T) {
	url := repository(t)
	cases := []struct {
		name, repo, chart, version string
		status                     int
		says                       []string
	}{
		{"no such version", "/repo", "demo", "1.31.9", exitcode.Usage, []string{"no version 1.31.9 of chart demo", "near it are 1.31.10, 1.31.2, 1.31.1, 1.31.0"}},
		{"a minor is no version", "/repo", "demo", "1.31", exitcode.Usage, []string{"no version 1.31 "}},
		{"nothing near", "/repo", "demo", "1.99.0", exitcode.Usage, []string{"1.31.10", "1.30.4"}},
		{"no version at all", "/repo", "demo", "latest", exitcode.Usage, []string{"1.31.10", "1.30.4"}},
		{"no such chart", "/repo", "istiod", "1.31.0", exitcode.Usage, []string{"no chart istiod", "base, demo"}},
		{"wrong digest", "/repo", "demo", "1.31.10", exitcode.Environment, []string{"digest"}},
		{"no package", "/repo", "demo", "1.31.2", exitcode.Environment, []string{"gone.tgz", "404"}},
		{"no URL", "/repo", "demo", "1.30.4", exitcode.Environment, []string{"no URL"}},
		{"no repository", "/other", "demo", "1.31.0", exitcode.Environment, []string{"/other", "404"}},
		{"no index", "/garbage", "demo", "1.31.0", exitcode.Environment, []string{"index.yaml"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			_, err := Pull(t.Context(), url+c.repo, c.chart, c.version, dir)
			if err == nil {
				t.Fatal("want an error")
			}
			if exitcode.Of(err) != c.status {
				t.Errorf("status %d, want %d", exitcode.Of(err), c.status)
			}
			for _, want := range c.says {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the message %q does not say %q", err, want)
				}
			}
			left, err := os.ReadDir(dir)
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestPullStops(t *testing.T) {
	url := repository(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Pull(ctx, url+"/repo", "demo", "1.31.0", t.TempDir()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestRender(t *testing.T) {
	r := Release{Name: "web", Namespace: "shop", Chart: demoDir, Values: table{"greeting": "moin"}}
	manifest, err := Render(t.Context(), r, "v1.36.3")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"name: web", "namespace: shop", "greeting: moin", `http: "80"`, "kubernetes: v1.36.3", "name: things.example.test"} {
		if !strings.Contains(manifest, want) {
			t.Errorf("the manifest has no %q:\n%s", want, manifest)
		}
	}
	if _, err := Render(t.Context(), r, "newest"); err == nil || !strings.Contains(err.Error(), `"newest"`) {
		t.Errorf("got %v, want an error that names the version of Kubernetes", err)
	}
	r.Chart = filepath.Join("testdata", "none")
	if _, err := Render(t.Context(), r, "v1.36.3"); err == nil || !strings.Contains(err.Error(), r.Chart) {
		t.Errorf("got %v, want an error that names the chart", err)
	}
}
