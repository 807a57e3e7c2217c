package stack

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/onsi/gomega"

	"istio-conformance/internal/process/exitcode"
)

func TestValidateProfile(t *testing.T) {
	for _, c := range []struct {
		config Config
		says   string
	}{
		{Config{Profile: ProfileAmbient, Images: "modules"}, "ZTUNNEL=<what docker save wrote>"},
		{Config{Profile: ProfileAmbient, Images: "modules", Ztunnel: "z.tar"}, ""},
		{Config{Profile: ProfileAmbient, Images: "release"}, ""},
		{Config{Images: "modules", Ztunnel: "z.tar"}, "only PROFILE=ambient runs ztunnel"},
		{Config{Profile: "sidecarless"}, "want default, cni or ambient"},
	} {
		err := c.config.Validate()
		if c.says == "" {
			gomega.NewWithT(t).Expect(err).NotTo(gomega.HaveOccurred(), "%+v", c.config)
			continue
		}
		gomega.NewWithT(t).Expect(err).To(gomega.MatchError(gomega.ContainSubstring(c.says)), "%+v", c.config)
		gomega.NewWithT(t).Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Usage))
	}
}

// saveImages writes images as docker save does and returns the file's path.
func saveImages(t *testing.T, references ...string) string {
	t.Helper()
	all := map[name.Tag]v1.Image{}
	for _, r := range references {
		tag, err := name.NewTag(r)
		if err != nil {
			t.Fatal(err)
		}
		image, err := random.Image(64, 1)
		if err != nil {
			t.Fatal(err)
		}
		all[tag] = image
	}
	path := filepath.Join(t.TempDir(), "images.tar")
	if err := tarball.MultiWriteToFile(path, all); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSavedImage(t *testing.T) {
	g := gomega.NewWithT(t)
	none, err := savedImage("")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(none).To(gomega.BeEmpty())
	one, err := savedImage(saveImages(t, "registry.test/istio/ztunnel:1.31.0-distroless"))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(one).To(gomega.Equal("registry.test/istio/ztunnel:1.31.0-distroless"))

	text := filepath.Join(t.TempDir(), "text")
	g.Expect(os.WriteFile(text, []byte("no archive"), 0o600)).To(gomega.Succeed())
	for path, says := range map[string]string{
		saveImages(t, "a.test/ztunnel:1", "a.test/ztunnel:2"): "want one image with one name",
		text:                   "this is no file that docker save wrote",
		"/nowhere/ztunnel.tar": "no such file",
	} {
		_, err := savedImage(path)
		g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(says)))
		g.Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Usage))
	}
}
