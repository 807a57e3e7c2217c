package modules

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"
)

// shared are modules of which several parts of a cell, and the harness, consist to a
// large part. With one version in all of them each package is compiled once.
var shared = []string{
	"k8s.io/api", "k8s.io/apimachinery", "k8s.io/client-go", "google.golang.org/grpc", "google.golang.org/protobuf",
	"golang.org/x/net", "golang.org/x/text", "go.opentelemetry.io/otel",
}

func TestSharedModulesHaveOneVersion(t *testing.T) {
	first := map[string][2]string{}
	for _, dir := range []string{".", "images/kubernetes/1.36", "images/istio/1.31", "images/etcd", "images/containerd", "images/coredns", "images/backend", "images/gateway-api"} {
		for module, version := range requiredVersions(t, filepath.Join("../../..", dir, "go.mod")) {
			if other, known := first[module]; !known {
				first[module] = [2]string{dir, version}
			} else if other[1] != version {
				t.Errorf("%s: %s in %s and %s in %s, so that its packages are compiled twice; take the newer in both", module, other[1], other[0], version, dir)
			}
		}
	}
	for _, module := range shared {
		if first[module][1] == "" {
			t.Errorf("no part requires %s any more: take it off the list", module)
		}
	}
}

// requirement is a line of a go.mod's require block.
var requirement = regexp.MustCompile(`(?m)^\s+(\S+) (v\S+)`)

// requiredVersions are those of the shared modules that a go.mod requires.
func requiredVersions(t *testing.T, path string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, match := range requirement.FindAllStringSubmatch(string(data), -1) {
		if slices.Contains(shared, match[1]) {
			versions[match[1]] = match[2]
		}
	}
	return versions
}
