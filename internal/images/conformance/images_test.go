package conformance

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/process/exitcode"
)

func compiled(t *testing.T, images ...string) *Suite {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{program, "echo-basic", "server", "client"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &Suite{Description: Description{Version: "v1.6.3", Images: images}, suite: dir, advanced: dir}
}

func TestArchiveHoldsWhatTheManifestsName(t *testing.T) {
	g := gomega.NewWithT(t)
	dns := "registry.example/coredns/coredns:v1.12.2"
	loaded, err := compiled(t, dns, "registry.example/echo-advanced:v1", "registry.example/echo-basic:v1", "registry.example/echo-basic:v2").Archive(t.TempDir())
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(loaded.Others).To(gomega.Equal(map[string]string{"coredns": dns}))
	info, err := os.Stat(loaded.Path)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(info.Size()).To(gomega.BeNumerically(">", 0))
}

func TestArchiveNamesAnImageThatNothingBuilds(t *testing.T) {
	g := gomega.NewWithT(t)
	_, err := compiled(t, "registry.example/echo-quic:v1").Archive(t.TempDir())
	g.Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Environment))
	g.Expect(err).To(gomega.MatchError("the Gateway API's conformance suite v1.6.3 needs the image registry.example/echo-quic:v1, which nothing here builds"))
}
