package published

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/fetch"
)

func serve(t *testing.T, text string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, err := w.Write([]byte(text)); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

var digest = strings.Repeat("a", 64)

func TestNodes(t *testing.T) {
	g := gomega.NewWithT(t)
	page := "The default is kindest/node:v1.10.0@sha256:" + digest + "<h2>Images pre-built for this release:</h2>\n<li>v1.37.0: <code>kindest/node:v1.37.0@sha256:" + digest +
		"</code></li><li>kindest/node:v1.38.1@sha256:" + digest + "</li><li>kindest/node:v1.37.0@sha256:" + digest + "</li>"
	url := serve(t, page)
	nodes, err := Nodes(t.Context(), fetch.New(t.Logf), url)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(nodes).To(gomega.HaveLen(2))
	g.Expect(nodes[0]).To(gomega.Equal(istio.Node{Version: istio.Version{Major: 1, Minor: 38, Patch: 1}, Image: "kindest/node:v1.38.1@sha256:" + digest, Source: url}))
	for _, other := range []string{"nothing", nodesHeading + " are to come"} {
		_, err := Nodes(t.Context(), fetch.New(t.Logf), serve(t, other))
		g.Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Environment), other)
	}
}

const supportTable = `# keep the order
- version: "master"
  supported: "No, development only"
  k8sVersions: ["1.33"]
- version: "1.33"
  supported: "Yes"
  releaseDate: "Feb 1, 2027"
  eolDate: "~Aug 2027 (Expected)"
  k8sVersions: ["1.34", "1.36", "1.35"]
  testedK8sVersions: []
- version: "1.30"
  supported: "No"
  releaseDate: "May 18, 2026"
  eolDate: "Dec 2, 2026"
  k8sVersions: ["1.32", "1.33"]
  testedK8sVersions: ["1.30", "1.31"]
- version: "1.2"
  supported: "No"
`

func TestSupports(t *testing.T) {
	g := gomega.NewWithT(t)
	supports, err := Supports(t.Context(), fetch.New(t.Logf), serve(t, supportTable))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(supports).To(gomega.HaveLen(3))
	g.Expect(supports[0].Supported).To(gomega.BeTrue())
	g.Expect(supports[0].Kubernetes.String()).To(gomega.Equal("1.34 to 1.36"))
	g.Expect(supports[0].Tested.Known()).To(gomega.BeFalse())
	table, err := istio.Load()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	rows := len(table.Istio)
	Apply(table, supports)
	g.Expect(table.Istio).To(gomega.HaveLen(rows+1), "1.33 is new, 1.2 is older than all")
	g.Expect(table.Istio[0].Version.String()).To(gomega.Equal("1.33"))
	version := func(text string) istio.Version {
		v, err := istio.ParseVersion(text)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		return v
	}
	g.Expect(table.Standing(version("1.33.2"), version("1.36.1")).Standing).To(gomega.Equal(istio.Supported))
	g.Expect(table.Standing(version("1.30.8"), version("1.36.1")).Standing).To(gomega.Equal(istio.Refused))
	_, err = Supports(t.Context(), fetch.New(t.Logf), serve(t, "[]"))
	g.Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Environment))
}
