package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/rehearse/capture"
)

func TestBadInputOfARehearsalIsStatus2(t *testing.T) {
	route := "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: x, namespace: y}\n"
	mesh := func(t *testing.T, versions string) string {
		dir := t.TempDir()
		if err := os.MkdirAll(filepath.Join(dir, "namespaces", "y"), 0o755); err != nil {
			t.Fatal(err)
		}
		for name, content := range map[string]string{
			"index.yaml": "schema: " + capture.Schema + "\n" + versions, "namespaces/y/x.yaml": route,
		} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return dir
	}
	t.Setenv("ISTIO_CONFORMANCE_CACHE", t.TempDir())
	for name, c := range map[string]struct {
		args []string
		want string
	}{
		"no capture":      {[]string{"--static", "--to", "1.31"}, "name one capture"},
		"no such file":    {[]string{"--static", "--to", "1.31", filepath.Join(t.TempDir(), "none.tar.gz")}, "no such file or directory: it is no archive"},
		"how":             {[]string{"--to", "1.31", mesh(t, "")}, "say how closely to look"},
		"no version":      {[]string{"--static", mesh(t, ""), "--to", "1.31", "--images", "modules"}, "say which the mesh has: --from"},
		"no target":       {[]string{"--static", mesh(t, "")}, "say to which version: --to"},
		"two versions":    {[]string{"--static", mesh(t, ""), "--to", "1.31", "--from", "a.b", "--images", "modules"}, `"a.b" is not a version`},
		"to before from":  {[]string{"--static", mesh(t, ""), "--to", "1.30", "--from", "1.31", "--images", "modules"}, "is older than --from"},
		"unknown version": {[]string{"--static", mesh(t, ""), "--to", "1.99", "--from", "1.31", "--images", "modules"}, "1.99"},
		"unknown source":  {[]string{"--static", mesh(t, ""), "--to", "1.31", "--from", "1.30", "--images", "magic"}, "magic"},
	} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			t.Setenv("TO", "")
			t.Setenv("FROM", "")
			command := root()
			command.SetArgs(append([]string{"rehearse"}, c.args...))
			err := command.ExecuteContext(t.Context())
			g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(c.want)))
			g.Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Usage))
			g.Expect(err.Error()).NotTo(gomega.ContainSubstring("\n"))
		})
	}
}
