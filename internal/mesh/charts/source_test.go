package charts

import (
	"path/filepath"
	"strings"
	"testing"

	"helm.sh/helm/v3/pkg/chart/loader"
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
