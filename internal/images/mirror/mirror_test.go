package mirror

import (
	"net/http"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/onsi/gomega"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/repo"
	"sigs.k8s.io/yaml"

	"istio-conformance/internal/process/fetch"
)

func TestAMirrorHasWhatIsPublished(t *testing.T) {
	g := gomega.NewWithT(t)
	m, err := Start(t.Context(), t.TempDir())
	g.Expect(err).NotTo(gomega.HaveOccurred())
	image, err := random.Image(2048, 2)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	for range 2 { // a layer that exists is no error
		g.Expect(m.Push(t.Context(), "istio/pilot:1.31.0", image)).To(gomega.Succeed())
	}
	ref, err := name.ParseReference(m.Host + "/istio/pilot:1.31.0")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	pulled, err := remote.Image(ref)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	wanted, err := image.Digest()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(pulled.Digest()).To(gomega.Equal(wanted))
	for _, version := range []string{"1.31.0", "1.32.0-rc.1"} {
		path, err := chartutil.Save(&chart.Chart{Metadata: &chart.Metadata{APIVersion: "v2", Name: "base", Version: version}}, t.TempDir())
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(m.PublishCharts(Chart{"base", version, path})).To(gomega.Succeed())
	}
	text, err := fetch.New(t.Logf).Get(t.Context(), m.ChartsURL()+"/index.yaml")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	var index repo.IndexFile
	g.Expect(yaml.Unmarshal(text, &index)).To(gomega.Succeed())
	g.Expect(index.Entries["base"]).To(gomega.HaveLen(2))
	g.Expect(m.Close()).To(gomega.Succeed())
	_, err = fetch.New(func(string, ...any) {}).Get(t.Context(), m.ChartsURL())
	g.Expect(err).To(gomega.HaveOccurred())
}

func TestAMirrorFails(t *testing.T) {
	g := gomega.NewWithT(t)
	m, err := Start(t.Context(), t.TempDir())
	g.Expect(err).NotTo(gomega.HaveOccurred())
	defer func() { g.Expect(m.Close()).To(gomega.Succeed()) }()
	status := func(path string) int {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+m.Host+path, http.NoBody)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		response, err := http.DefaultClient.Do(request)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		g.Expect(response.Body.Close()).To(gomega.Succeed())
		return response.StatusCode
	}
	m.Fail(Only("/v2/", 1, Answer(http.StatusTooManyRequests, "Retry-After", "1")))
	g.Expect(status("/charts/")).To(gomega.Equal(http.StatusOK))
	g.Expect([]int{status("/v2/"), status("/v2/")}).To(gomega.Equal([]int{http.StatusTooManyRequests, http.StatusOK}))
	m.Fail(Private("user", "secret"))
	g.Expect([]int{status("/v2/"), status("/charts/")}).To(gomega.Equal([]int{http.StatusUnauthorized, http.StatusOK}))
	m.Fail(nil)
	g.Expect(status("/v2/")).To(gomega.Equal(http.StatusOK))
}
