package origin

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onsi/gomega"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"

	"istio-conformance/internal/images/mirror"
	"istio-conformance/internal/process/exitcode"
)

// packaged makes chart demo of one version and returns the package's path.
func packaged(t *testing.T, dir, version string) string {
	t.Helper()
	path, err := chartutil.Save(&chart.Chart{Metadata: &chart.Metadata{APIVersion: "v2", Name: "demo", Version: version}}, dir)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// chartRepository serves demo 1.31.0 and an index whose entries point to it, one by a
// relative URL, one by an absolute one, and one with a wrong digest.
func chartRepository(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(packaged(t, t.TempDir(), "1.31.0"))
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	index := fmt.Sprintf(`apiVersion: v1
entries:
  base:
  - {apiVersion: v2, name: base, version: 1.31.0, urls: [base.tgz]}
  demo:
  - {apiVersion: v2, name: demo, version: 1.31.0, digest: %[1]x, urls: [charts/demo.tgz]}
  - {apiVersion: v2, name: demo, version: 1.31.1, digest: %[1]x, urls: [%[2]s/repo/charts/demo.tgz]}
  - {apiVersion: v2, name: demo, version: 1.31.10, digest: %[3]s, urls: [charts/demo.tgz]}
  - {apiVersion: v2, name: demo, version: 1.31.2, digest: %[1]x, urls: [charts/gone.tgz]}
  - {apiVersion: v2, name: demo, version: 1.32.0-rc.1, digest: %[1]x, urls: [charts/gone.tgz]}
  - {apiVersion: v2, name: demo, version: 1.30.4, urls: []}
`, sha256.Sum256(data), server.URL, strings.Repeat("0", 64))
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

// chartRegistry has demo 1.31.0 and 1.32.0-rc.1 below its prefix.
func chartRegistry(t *testing.T) string {
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
	for _, version := range []string{"1.31.0", "1.32.0-rc.1"} {
		if err := m.PublishCharts(mirror.Chart{Name: "demo", Version: version, Path: packaged(t, t.TempDir(), version)}); err != nil {
			t.Fatal(err)
		}
	}
	return m.ChartsOCI()
}

// chartFolder has demo 1.31.0 and 1.32.0-rc.1, the first one not packaged, with a
// chart inside that is none of the folder's.
func chartFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	packaged(t, dir, "1.32.0-rc.1")
	source := &chart.Chart{Metadata: &chart.Metadata{APIVersion: "v2", Name: "demo", Version: "1.31.0"}}
	source.AddDependency(&chart.Chart{Metadata: &chart.Metadata{APIVersion: "v2", Name: "inner", Version: "9.9.9"}})
	if err := chartutil.SaveDir(source, filepath.Join(dir, "below")); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestEveryOriginHasTheSame(t *testing.T) {
	for name, where := range map[string]string{"repository": chartRepository(t) + "/repo", "registry": chartRegistry(t), "folder": chartFolder(t)} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			from, err := Open(where, t.Logf)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			g.Expect(from.String()).To(gomega.Equal(where))
			versions, err := from.Versions(t.Context(), "demo")
			g.Expect(err).NotTo(gomega.HaveOccurred())
			g.Expect(versions[0]).To(gomega.Equal("1.32.0-rc.1"), "the newest first")
			g.Expect(versions).To(gomega.ContainElement("1.31.0"))
			dir := filepath.Join(t.TempDir(), "new")
			path, err := from.Pull(t.Context(), "demo", "1.31.0", dir)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			g.Expect(path).To(gomega.Equal(filepath.Join(dir, "demo-1.31.0.tgz")))
			loaded, err := loader.LoadFile(path)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			g.Expect(loaded.Name()).To(gomega.Equal("demo"))
			_, err = from.Pull(t.Context(), "demo", "1.31.9", dir)
			g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("no version 1.31.9 of chart demo; near it are ")))
			g.Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Usage))
			_, err = from.Pull(t.Context(), "istiod", "1.31.0", dir)
			g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("has no chart istiod")))
			g.Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Usage))
		})
	}
}

func TestARepositoryRefuses(t *testing.T) {
	url := chartRepository(t)
	for _, c := range []struct {
		name, repo, chart, version string
		status                     int
		says                       []string
	}{
		{"no such version", "/repo", "demo", "1.31.9", exitcode.Usage, []string{"near it are 1.31.10, 1.31.2, 1.31.1, 1.31.0"}},
		{"a minor is no version", "/repo", "demo", "1.31", exitcode.Usage, []string{"no version 1.31 "}},
		{"nothing near", "/repo", "demo", "1.99.0", exitcode.Usage, []string{"1.31.10", "1.30.4"}},
		{"no version at all", "/repo", "demo", "latest", exitcode.Usage, []string{"1.31.10", "1.30.4"}},
		{"no such chart", "/repo", "istiod", "1.31.0", exitcode.Usage, []string{"no chart istiod", "base, demo"}},
		{"wrong digest", "/repo", "demo", "1.31.10", exitcode.Environment, []string{"digest"}},
		{"no package", "/repo", "demo", "1.31.2", exitcode.Environment, []string{"gone.tgz", "404"}},
		{"no URL", "/repo", "demo", "1.30.4", exitcode.Environment, []string{"no URL"}},
		{"no repository", "/other", "demo", "1.31.0", exitcode.Environment, []string{"/other", "is this the URL of a chart repository?"}},
		{"no index", "/garbage", "demo", "1.31.0", exitcode.Environment, []string{"index.yaml"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			dir := t.TempDir()
			from, err := Open(url+c.repo, t.Logf)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			_, err = from.Pull(t.Context(), c.chart, c.version, dir)
			g.Expect(exitcode.Of(err)).To(gomega.Equal(c.status), "%v", err)
			for _, want := range c.says {
				g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(want)))
			}
			g.Expect(os.ReadDir(dir)).To(gomega.BeEmpty())
		})
	}
}

func TestARepositoryThatDidNotAnswerIsNotAskedAgain(t *testing.T) {
	g := gomega.NewWithT(t)
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusForbidden)
	}))
	t.Cleanup(server.Close)
	from, err := Open(server.URL, t.Logf)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	for range 2 {
		_, err = from.Versions(t.Context(), "demo")
		g.Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Environment))
	}
	g.Expect(asked).To(gomega.Equal(1))
}

func TestNoRegistry(t *testing.T) {
	g := gomega.NewWithT(t)
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	from, err := Open(strings.Replace(server.URL, "http", "oci", 1)+"/charts", t.Logf)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	_, err = from.Versions(t.Context(), "demo")
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("there is no registry at 127.0.0.1:")))
	g.Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Environment))
}

func TestOpenRefuses(t *testing.T) {
	empty, file := t.TempDir(), packaged(t, t.TempDir(), "1.0.0")
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "x.tgz"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for where, says := range map[string]string{
		"ftp://charts.example":                   "want a chart repository (https://...), a registry (oci://...) or a folder",
		"https://":                               "no URL of a chart repository",
		"oci://ghcr.io":                          "such as oci://ghcr.io/istio/release/charts",
		"oci://":                                 "such as oci://ghcr.io/istio/release/charts",
		"oci://ghcr.io/istio/charts/base:1.31.0": "this names one version",
		"/does/not/exist":                        "there is no such folder; want",
		empty:                                    "the folder holds no chart",
		file:                                     "this is a file",
		broken:                                   "x.tgz is no chart",
	} {
		g := gomega.NewWithT(t)
		_, err := Open(where, t.Logf)
		g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(says)), where)
		g.Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Usage), where)
		g.Expect(err.Error()).NotTo(gomega.ContainSubstring("\n"))
	}
}

func TestSourcesBecomeTheVersionThatIsAskedFor(t *testing.T) {
	g := gomega.NewWithT(t)
	dir := t.TempDir()
	source := &chart.Chart{Metadata: &chart.Metadata{APIVersion: "v2", Name: "istiod", Version: placeholder}}
	g.Expect(chartutil.SaveDir(source, filepath.Join(dir, "istio-control"))).To(gomega.Succeed())
	from, err := Open(dir, t.Logf)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(from.Versions(t.Context(), "istiod")).To(gomega.BeNil())
	before, err := from.Key()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	path, err := from.Pull(t.Context(), "istiod", "1.31.4", t.TempDir())
	g.Expect(err).NotTo(gomega.HaveOccurred())
	loaded, err := loader.LoadFile(path)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(loaded.Metadata.Version).To(gomega.Equal("1.31.4"))
	g.Expect(os.WriteFile(filepath.Join(dir, "istio-control", "istiod", "values.yaml"), []byte("a: 1\n"), 0o600)).To(gomega.Succeed())
	g.Expect(from.Key()).NotTo(gomega.Equal(before), "a chart that is worked on is not taken from the cache")
}
