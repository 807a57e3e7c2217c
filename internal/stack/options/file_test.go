package options

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/process/exitcode"
)

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "run.yaml")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAFlagGoesBeforeAVariableAndBothBeforeTheFile(t *testing.T) {
	g := gomega.NewWithT(t)
	path := file(t, "istio: \"1.29\"\nkubernetes: \"1.34\"\nname: from-file\nkeep: true\nretry: 2\nparallel: 3\nfail-fast: true\ntimeout:\n  nodes: 7m\n")
	o, err := parse(t, map[string]string{"KUBERNETES": "1.35", "CONFIG": path, "PARALLEL": "2"}, "-istio", "1.31")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect([]string{o.Istio, o.Kubernetes, o.Name}).To(gomega.Equal([]string{"1.31", "1.35", "from-file"}))
	g.Expect([]int{o.Policy.Retries, o.Parallel, o.FlakeBudget}).To(gomega.Equal([]int{2, 2, 1}))
	g.Expect(o.Keep && o.Policy.FailFast).To(gomega.BeTrue())
	g.Expect(o.Waits.Or("nodes", 0)).To(gomega.Equal(7 * time.Minute))
}

func TestTheFileIsRefusedInOneLine(t *testing.T) {
	for content, want := range map[string]string{
		"istoi: \"1.31\"":        `:1: there is no option "istoi"; did you mean istio?`,
		"\nistio: 1.30":          ":2: istio: want a text: put 1.30 into quotes",
		"retry: many":            ":1: retry: want a whole number",
		"keep: 1":                ":1: keep: want true or false",
		"timeout: 5m":            ":1: timeout: want durations by name",
		"timeout: {node: 5m}":    "no wait has this name",
		"name: a\nname: b":       "name",
		"- istio":                ":1: want options by name",
		"istio: [":               "did not find",
		"config: other.yaml":     `there is no option "config"`,
		"parallel: 0":            "PARALLEL=0: want at least 1",
		"retry: 1\nrepeat: 2":    "not tried again",
		"images: [release]":      ":1: images: want a text",
		"images: registry":       "want release, modules or archive",
		"require: beauty":        "REQUIRE=beauty: want latency or none",
		"timeout: {nodes: soon}": "want name=duration",
	} {
		t.Run(content, func(t *testing.T) {
			g := gomega.NewWithT(t)
			_, err := parse(t, map[string]string{"CONFIG": file(t, content)})
			g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(want)))
			g.Expect(err.Error()).NotTo(gomega.ContainSubstring("\n"))
			g.Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Usage))
		})
	}
}

func TestVariablesAreRefusedToo(t *testing.T) {
	for _, environment := range []map[string]string{{"RETRY": "x"}, {"TIMEOUT": "nodes"}, {"REPEAT": "0"}, {"FORMAT": "xml"}, {"CONFIG": "/does/not/exist"}} {
		_, err := parse(t, environment)
		gomega.NewWithT(t).Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Usage), "%v", environment)
	}
}

// TestTheSchemaIsCurrent fails when docs/config.schema.json does not say what the
// options are: make catalogue writes it anew.
func TestTheSchemaIsCurrent(t *testing.T) {
	g := gomega.NewWithT(t)
	want, err := Schema()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	written, err := os.ReadFile("../../../docs/config.schema.json")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(string(written)).To(gomega.Equal(string(want)), "docs/config.schema.json is stale: run make catalogue and commit what it writes")
	var read struct {
		Properties map[string]struct{ Type, Description string }
	}
	g.Expect(json.Unmarshal(want, &read)).To(gomega.Succeed())
	for name, p := range read.Properties {
		g.Expect(p.Type).To(gomega.BeElementOf("string", "integer", "boolean", "object"), name)
		g.Expect(p.Description).NotTo(gomega.BeEmpty(), name)
	}
}
