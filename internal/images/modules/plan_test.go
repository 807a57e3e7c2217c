package modules

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/artifact"
	"istio-conformance/internal/process/exitcode"
	"istio-conformance/internal/process/progress"
)

var testCell = istio.Pair{Istio: "1.31.0", Kubernetes: "v1.36.3"}

// checkout writes a small copy of the project's pins.
func checkout(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for path, text := range map[string]string{
		"go.mod":                             "module istio-conformance\n\nrequire sigs.k8s.io/kind v0.33.0\n",
		"images/kubernetes/1.36/go.mod":      "module a\n\nrequire k8s.io/kubernetes v1.36.3\n",
		"images/istio/1.31/go.mod":           "module b\n\nrequire istio.io/istio v0.0.0-20260827124520-eed52ebb66ad // indirect\n",
		"images/etcd/go.mod":                 "module c\n",
		"images/coredns/go.mod":              "module d\n",
		"images/containerd/go.mod":           "module e\n",
		"images/cni-plugins/go.mod":          "module f\n",
		"images/pause/main.go":               "package main\n",
		"images/pause/go.mod":                "module h\n",
		"images/backend/main.go":             "package main\n",
		"images/backend/go.mod":              "module g\n",
		"images/backend/go.sum":              "",
		"images/envoy/requirements.txt":      "# pin\nenvoy-server==1.40.0 \\\n    --hash=sha256:aa\n",
		"images/kubernetes/1.36/go.sum":      "",
		"images/istio/1.31/go.sum":           "",
		"images/etcd/go.sum":                 "",
		"images/coredns/go.sum":              "",
		"images/containerd/go.sum":           "",
		"images/cni-plugins/go.sum":          "",
		"images/kubernetes/kubernetes.go":    "package main\n",
		"images/backend/backend_test.go":     "package main\n",
		"internal/images/modules/ignored.go": "package modules\n",
	} {
		write(t, filepath.Join(root, path), text)
	}
	return root
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func mustPlan(t *testing.T, root string) *plan {
	t.Helper()
	p, err := newPlan(t.Context(), root, testCell)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestKeysFollowThePins(t *testing.T) {
	base := mustPlan(t, checkout(t))
	if want := "istio-conformance/node:v1.36.3-1.31.0-" + base.cellID.Key; base.reference() != want {
		t.Errorf("the reference is %s, want %s", base.reference(), want)
	}
	if again := mustPlan(t, checkout(t)); again.reference() != base.reference() {
		t.Error("the same pins in another directory have another key")
	}
	tests := []struct {
		path                  string
		changesNode, changesI bool
	}{
		{"images/kubernetes/1.36/go.sum", true, true},
		{"images/kubernetes/kubernetes.go", true, true},
		{"images/containerd/go.mod", true, true},
		{"images/pause/main.go", true, true},
		{"images/istio/1.31/go.sum", false, true},
		{"images/backend/main.go", false, true},
		{"images/envoy/requirements.txt", false, true},
		{"images/backend/backend_test.go", false, false},
		{"internal/images/modules/ignored.go", false, false},
	}
	for _, test := range tests {
		root := checkout(t)
		write(t, filepath.Join(root, test.path), "changed\n")
		p := mustPlan(t, root)
		if changed := p.nodeID != base.nodeID; changed != test.changesNode {
			t.Errorf("%s: changes Kubernetes' layers: %t, want %t", test.path, changed, test.changesNode)
		}
		if changed := p.cellID != base.cellID; changed != test.changesI {
			t.Errorf("%s: changes Istio's layer: %t, want %t", test.path, changed, test.changesI)
		}
	}
	root := checkout(t)
	write(t, filepath.Join(root, "go.mod"), "module istio-conformance\n\nrequire sigs.k8s.io/kind v0.34.0\n")
	if mustPlan(t, root).nodeID == base.nodeID {
		t.Error("another kind has the same node image")
	}
}

func TestUnknownVersionsNameTheKnownOnes(t *testing.T) {
	root := checkout(t)
	for _, test := range []struct {
		cell istio.Pair
		want []string
	}{
		{istio.Pair{Istio: "1.31.7", Kubernetes: "v1.36.3"}, []string{"Istio 1.31.7", "1.31.0"}},
		{istio.Pair{Istio: "1.31.0", Kubernetes: "v1.36.4"}, []string{"Kubernetes v1.36.4", "v1.36.3"}},
		{istio.Pair{Istio: "../x", Kubernetes: "v1.36.3"}, []string{"Istio ../x", "1.31.0"}},
	} {
		_, err := newPlan(t.Context(), root, test.cell)
		if exitcode.Of(err) != exitcode.Usage {
			t.Errorf("%v: status %d: %v", test.cell, exitcode.Of(err), err)
			continue
		}
		for _, want := range test.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v: %q does not name %s", test.cell, err, want)
			}
		}
	}
}

func TestStamps(t *testing.T) {
	p := mustPlan(t, checkout(t))
	for _, want := range []string{
		"k8s.io/component-base/version.gitVersion=v1.36.3", "k8s.io/client-go/pkg/version.gitVersion=v1.36.3",
		"k8s.io/component-base/version.gitMajor=1", "k8s.io/component-base/version.gitMinor=36",
	} {
		if !slices.Contains(p.kubernetesModule.Stamps, want) {
			t.Errorf("Kubernetes is not stamped with %s", want)
		}
	}
	for _, want := range []string{"buildVersion=1.31.0", "buildTag=1.31.0", "buildGitRevision=eed52ebb66ad"} {
		if !slices.Contains(p.istioModule.Stamps, "istio.io/istio/pkg/version."+want) {
			t.Errorf("Istio is not stamped with %s", want)
		}
	}
}

func TestMissingPartsComeLongestFirst(t *testing.T) {
	p := mustPlan(t, checkout(t))
	dir := t.TempDir()
	store, err := artifact.Open(dir, progress.Discard)
	if err != nil {
		t.Fatal(err)
	}
	b := newBuild(p, store, progress.Discard, dir)
	names := func() []string {
		var all []string
		for _, part := range b.missing() {
			all = append(all, part.id.Name)
		}
		return all
	}
	cold := []string{"kubernetes-1.36", "istio-1.31", "coredns", "containerd", "etcd", "cni-plugins", "pause", "debian-node", "debian-proxy", "istio-node-1.31", "backend", "envoy"}
	if got := names(); !slices.Equal(got, cold) {
		t.Errorf("an empty cache: got  %v\nwant %v", got, cold)
	}
	write(t, filepath.Join(dir, p.nodeID.String(), imagesLayer), "")
	if got, want := names(), []string{"istio-1.31", "istio-node-1.31", "backend", "envoy", "debian-proxy", "containerd"}; !slices.Equal(got, want) {
		t.Errorf("only Istio is missing: got  %v\nwant %v", got, want)
	}
	write(t, filepath.Join(dir, p.cellID.String(), istioLayer), "")
	if got := names(); len(got) != 0 {
		t.Errorf("all is there, and yet it wants %v", got)
	}
}
