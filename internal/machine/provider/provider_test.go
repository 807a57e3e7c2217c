package provider

import (
	"strings"
	"testing"

	"istio-conformance/internal/process/exitcode"
)

func TestCheck(t *testing.T) {
	for value, want := range map[string]string{"": Docker, "docker": Docker, "podman": Podman} {
		t.Setenv(Variable, value)
		if got := Name(); got != want || Check() != nil {
			t.Errorf("%q: got %s, %v; want %s", value, got, Check(), want)
		}
	}
	t.Setenv(Variable, "nerdctl")
	if err := Check(); exitcode.Of(err) != exitcode.Usage || !strings.Contains(err.Error(), "KIND_EXPERIMENTAL_PROVIDER=nerdctl: want docker or podman") {
		t.Errorf("got %v", err)
	}
}
