package generator

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/onsi/gomega"
)

func TestArchive(t *testing.T) {
	g := gomega.NewWithT(t)
	program := filepath.Join(t.TempDir(), "program")
	g.Expect(os.WriteFile(program, []byte("one"), 0o700)).To(gomega.Succeed())
	path, reference, err := Archive(program, t.TempDir())
	g.Expect(err).NotTo(gomega.HaveOccurred())
	tag, err := name.NewTag(reference)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	image, err := tarball.ImageFromPath(path, &tag)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	config, err := image.ConfigFile()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(config.Config.Entrypoint).To(gomega.Equal([]string{"/load-generator"}))

	g.Expect(os.WriteFile(program, []byte("two"), 0o700)).To(gomega.Succeed())
	_, other, err := Archive(program, t.TempDir())
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(other).NotTo(gomega.Equal(reference), "another program has another tag")
	_, _, err = Archive(filepath.Join(t.TempDir(), "missing"), t.TempDir())
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("image of the load generator")))
}
