package engine

import (
	"strings"
	"testing"

	"istio-conformance/internal/process/exitcode"
)

func TestReadChoice(t *testing.T) {
	read := func(value string) (Choice, error) {
		return ReadChoice(func(name string) string {
			return map[string]string{Variable: value, "DOCKER_HOST": "tcp://h:1", "CONTAINERS_CONF": "/c"}[name]
		})
	}
	for value, want := range map[string]Kind{"": Docker, "docker": Docker, "podman": Podman} {
		if got, err := read(value); got != (Choice{Kind: want, DockerHost: "tcp://h:1", PodmanConf: "/c"}) || err != nil {
			t.Errorf("%q: got %+v, %v; want %s", value, got, err, want)
		}
	}
	if _, err := read("nerdctl"); exitcode.Of(err) != exitcode.Usage || !strings.Contains(err.Error(), "KIND_EXPERIMENTAL_PROVIDER=nerdctl: want docker or podman") {
		t.Errorf("got %v", err)
	}
}
