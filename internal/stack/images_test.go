package stack

import (
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/images"
	"istio-conformance/internal/mesh/istio"
)

func TestNames(t *testing.T) {
	built := map[string]string{"localhost:5000/i/pilot:1.31.0": "sha256:p", "localhost:5000/i/proxyv2:1.31.0": "sha256:x"}
	for _, c := range []struct {
		name    string
		one     bool
		wanted  []string
		names   map[string]string
		missing []string
	}{
		{"all there", true, []string{"localhost:5000/i/pilot:1.31.0"}, map[string]string{}, nil},
		{
			"a variant of what was built here", true, []string{"localhost:5000/i/pilot:1.31.0-distroless", "localhost:5000/i/proxyv2:1.31.0"},
			map[string]string{"localhost:5000/i/pilot:1.31.0-distroless": "localhost:5000/i/pilot:1.31.0"}, nil,
		},
		{"a variant of a release is another image", false, []string{"localhost:5000/i/pilot:1.31.0-distroless"}, map[string]string{}, []string{"localhost:5000/i/pilot:1.31.0-distroless"}},
		{"what was not built", true, []string{"localhost:5000/i/ztunnel:1.31.0-distroless"}, map[string]string{}, []string{"localhost:5000/i/ztunnel:1.31.0-distroless"}},
		{"another version is no variant", true, []string{"localhost:5000/i/pilot:1.31.01", "localhost:5000/i/pilot:1.30.0-distroless"}, map[string]string{}, []string{"localhost:5000/i/pilot:1.31.01", "localhost:5000/i/pilot:1.30.0-distroless"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			names, missing := names(&images.Set{Tag: "1.31.0", OneVariant: c.one, Digests: built}, c.wanted)
			g.Expect(names).To(gomega.Equal(c.names))
			g.Expect(missing).To(gomega.Equal(c.missing))
		})
	}
}

func TestRemedy(t *testing.T) {
	g := gomega.NewWithT(t)
	s := New(Config{Profile: ProfileAmbient, Images: istio.SourceArchive})
	g.Expect(s.remedy([]string{"h/ztunnel:1-distroless"})).To(gomega.ContainSubstring("ZTUNNEL="))
	g.Expect(s.remedy([]string{"h/ztunnel:1-distroless", "h/pilot:1-distroless"})).To(gomega.ContainSubstring("Save an archive with PROFILE=ambient"))
}
