package helm4

import (
	"os"
	"regexp"
	"testing"

	"helm.sh/helm/v4/pkg/kube"

	"istio-conformance/internal/mesh/charts"
)

// TestTheVersionsAreThoseOfTheLibraries: a test binary does not know its modules.
func TestTheVersionsAreThoseOfTheLibraries(t *testing.T) {
	text, err := os.ReadFile("../../../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for module, version := range map[string]string{"helm.sh/helm/v3": charts.Version3, "helm.sh/helm/v4": Version} {
		found := regexp.MustCompile(`(?m)^\s` + regexp.QuoteMeta(module) + ` v(\S+)`).FindSubmatch(text)
		if found == nil || string(found[1]) != version {
			t.Errorf("go.mod has %q of %s, the code says %s", found, module, version)
		}
	}
}

// TestTheManagerIsHelm: by default it is the name of the program, and a release that
// two programs change in turn is in conflict with itself.
func TestTheManagerIsHelm(t *testing.T) {
	if kube.ManagedFieldsManager != "helm" {
		t.Errorf("fields are managed by %q, want helm", kube.ManagedFieldsManager)
	}
}
