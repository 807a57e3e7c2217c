package diagnose

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/evidence"
	"istio-conformance/internal/evidence/diagnose/sample"
)

// outcome is how the catalogue did on one folder of evidence.
type outcome string

const (
	right   outcome = "right"
	unsaid  outcome = "unknown"
	wrong   outcome = "wrong"
	nothing         = "unknown"
)

// causes are the names of the faults and notices that share the first rank.
func causes(d *Diagnosis) []string {
	var names []string
	for i := range d.Findings {
		if f := &d.Findings[i]; f.Follows == "" && f.Rank == 1 {
			names = append(names, f.Symptom.Name)
		}
	}
	return names
}

// judge compares the catalogue's answer with the cause that is known.
func judge(got []string, want string) outcome {
	switch {
	case len(got) == 0 && want == nothing:
		return right
	case len(got) == 0:
		return unsaid
	case len(got) == 1 && got[0] == want:
		return right
	}
	return wrong
}

// TestAccuracy holds the catalogue against every sample and every twin. A wrong
// cause is never allowed; what is unknown is allowed where it must be.
func TestAccuracy(t *testing.T) {
	g := gomega.NewWithT(t)
	catalogue, err := Load()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	files, err := filepath.Glob("testdata/*.yaml")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	sampled := map[string]bool{}
	count := map[outcome]int{}
	for _, name := range files {
		content, err := os.ReadFile(name)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		s, err := sample.Read(content)
		g.Expect(err).NotTo(gomega.HaveOccurred(), name)
		sampled[s.Symptom] = true
		check := func(t *testing.T, what string, folder fs.FS, want string) {
			t.Helper()
			g := gomega.NewWithT(t)
			d, err := catalogue.Diagnose(folder)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			got := causes(d)
			how := judge(got, want)
			count[how]++
			g.Expect(how).To(gomega.Equal(right), "%s: found %v, want %s", what, got, want)
		}
		t.Run(strings.TrimSuffix(filepath.Base(name), ".yaml"), func(t *testing.T) {
			g := gomega.NewWithT(t)
			folder, err := s.FS()
			g.Expect(err).NotTo(gomega.HaveOccurred())
			check(t, "sample", folder, s.Symptom)
			twin, err := s.TwinFS()
			g.Expect(err).NotTo(gomega.HaveOccurred())
			want := nothing
			if s.Twin.Finds != "" {
				want = s.Twin.Finds
			}
			check(t, "twin, "+s.Twin.What, twin, want)
			d, err := catalogue.Diagnose(twin)
			g.Expect(err).NotTo(gomega.HaveOccurred())
			for i := range d.Findings {
				g.Expect(d.Findings[i].Symptom.Name).NotTo(gomega.Equal(s.Symptom), "the twin shows the symptom, %s", d.Findings[i].Evidence())
			}
		})
	}
	t.Logf("%d samples and as many twins: %d right, %d unknown where a cause is known, %d wrong", len(files), count[right], count[unsaid], count[wrong])
	g.Expect(count[wrong]).To(gomega.BeZero(), "wrong causes")
	for _, s := range catalogue.Symptoms() {
		g.Expect(sampled).To(gomega.HaveKey(s.Name), "a sample of each symptom")
	}
}

// TestAHealthyClusterShowsNothing holds the catalogue against a bundle of a healthy
// cluster, recorded whole.
func TestAHealthyClusterShowsNothing(t *testing.T) {
	g := gomega.NewWithT(t)
	catalogue, err := Load()
	g.Expect(err).NotTo(gomega.HaveOccurred())
	names, err := filepath.Glob("testdata/healthy/*.tar.gz")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(names).NotTo(gomega.BeEmpty())
	for _, name := range names {
		folder, err := evidence.Open(name)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		d, err := catalogue.Diagnose(folder)
		g.Expect(err).NotTo(gomega.HaveOccurred())
		found := make([]string, 0, len(d.Findings))
		for i := range d.Findings {
			found = append(found, fmt.Sprint(d.Findings[i].Symptom.Name, d.Findings[i].Evidence()))
		}
		g.Expect(found).To(gomega.BeEmpty(), name)
		g.Expect(d.Looked).NotTo(gomega.BeEmpty())
	}
}
