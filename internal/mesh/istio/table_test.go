package istio

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func load(t *testing.T) *Table {
	t.Helper()
	table, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestIstioRows(t *testing.T) {
	table := load(t)
	if len(table.Istio) < 14 {
		t.Errorf("%d minors of Istio, want those from 1.18 to 1.31", len(table.Istio))
	}
	for i, m := range table.Istio {
		t.Run(m.Version.String(), func(t *testing.T) {
			if m.Version.Full() {
				t.Error("the row's version is not a minor")
			}
			if !m.Newest.Full() || !m.Newest.SameMinor(m.Version) {
				t.Errorf("newest %s is no full version of the minor", m.Newest)
			}
			if m.Modules != nil && (!m.Modules.SameMinor(m.Version) || Compare(*m.Modules, m.Newest) > 0) {
				t.Errorf("modules %s is not a version up to newest %s", m.Modules, m.Newest)
			}
			if !m.Kubernetes.Known() {
				return // a release that nothing was read of but that it exists
			}
			if compareMinor(m.Kubernetes.First, m.Kubernetes.Last) >= 0 {
				t.Errorf("range of Kubernetes %s is not ascending", m.Kubernetes)
			}
			if len(m.Source) < 20 {
				t.Errorf("source %q does not say where the row was read", m.Source)
			}
			if i == 0 {
				return
			}
			newer := table.Istio[i-1]
			if newer.Version.Minor != m.Version.Minor+1 {
				t.Errorf("follows %s: a minor is missing or the order is wrong", newer.Version)
			}
			if !newer.Kubernetes.Known() {
				return
			}
			if compareMinor(m.Kubernetes.First, newer.Kubernetes.First) > 0 || compareMinor(m.Kubernetes.Last, newer.Kubernetes.Last) > 0 {
				t.Errorf("supports a newer Kubernetes (%s) than Istio %s (%s)", m.Kubernetes, newer.Version, newer.Kubernetes)
			}
		})
	}
}

var nodeImage = regexp.MustCompile(`^kindest/node:(v[0-9.]+)@sha256:[0-9a-f]{64}$`)

func TestKubernetesRows(t *testing.T) {
	table := load(t)
	digests := map[string]string{}
	for i, n := range table.Kubernetes {
		t.Run(n.Version.String(), func(t *testing.T) {
			if !n.Version.Full() {
				t.Error("the row's version is not a full one")
			}
			if n.Source == "" {
				t.Error("the row has no source")
			}
			if n.Image == "" && !n.Modules {
				t.Error("the row says of no source that it has the version")
			}
			if n.Image != "" {
				parts := nodeImage.FindStringSubmatch(n.Image)
				if parts == nil || parts[1] != "v"+n.Version.String() {
					t.Errorf("image %q is not kindest/node at this version with a sha256 digest", n.Image)
				}
				_, digest, _ := strings.Cut(n.Image, "@")
				if other := digests[digest]; other != "" {
					t.Errorf("has the digest of %s", other)
				}
				digests[digest] = n.Version.String()
				if !strings.Contains(n.Source, table.Kind) {
					t.Errorf("source %q is not the release of kind %s", n.Source, table.Kind)
				}
			}
			if i > 0 && Compare(table.Kubernetes[i-1].Version, n.Version) <= 0 {
				t.Errorf("not older than the row before it, %s", table.Kubernetes[i-1].Version)
			}
		})
	}
}

// An image is only supported by the release of kind that lists it.
func TestKindIsTheModule(t *testing.T) {
	mod, err := os.ReadFile(filepath.Join("..", "..", "..", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "sigs.k8s.io/kind " + load(t).Kind + "\n"; !strings.Contains(string(mod), want) {
		t.Errorf("go.mod does not require %q: the node images are of another release of kind", strings.TrimSpace(want))
	}
}

func TestDefaultsAreAvailable(t *testing.T) {
	table := load(t)
	for _, source := range []string{SourceRelease, SourceModules} {
		cell, err := table.Resolve(Request{Source: source})
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		for text, want := range map[string]Version{cell.Istio: table.Default.Istio, cell.Kubernetes: table.Default.Kubernetes} {
			v, err := ParseVersion(text)
			if err != nil {
				t.Fatal(err)
			}
			if !v.SameMinor(want) {
				t.Errorf("%s: the default resolves to %s, want a %s", source, text, want)
			}
		}
	}
}
