package charts

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"istio-conformance/internal/process/progress"
)

const kubeconfig = `apiVersion: v1
kind: Config
clusters:
- {name: one, cluster: {server: "https://127.0.0.1:1"}}
- {name: two, cluster: {server: "https://127.0.0.1:2"}}
contexts:
- {name: one, context: {cluster: one, user: ""}}
- {name: two, context: {cluster: two, user: "", namespace: other}}
current-context: one
`

func writeKubeconfig(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, []byte(kubeconfig), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestClientGetter(t *testing.T) {
	// The user's own configuration must not matter.
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "none"))
	path := writeKubeconfig(t)
	for kubeContext, server := range map[string]string{"": "https://127.0.0.1:1", "two": "https://127.0.0.1:2"} {
		getter, err := newClientGetter(path, kubeContext, "istio-system", progress.Discard)
		if err != nil {
			t.Fatal(err)
		}
		config, err := getter.ToRESTConfig()
		if err != nil {
			t.Fatal(err)
		}
		if config.Host != server {
			t.Errorf("context %q: server %s, want %s", kubeContext, config.Host, server)
		}
		namespace, _, err := getter.ToRawKubeConfigLoader().Namespace()
		if err != nil || namespace != "istio-system" {
			t.Errorf("context %q: namespace %q, %v; want istio-system", kubeContext, namespace, err)
		}
	}
}

func TestNewClientRefuses(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	cases := map[string][2]string{
		"no file":    {missing, ""},
		"no context": {writeKubeconfig(t), "three"},
	}
	for name, c := range cases {
		_, err := NewClient(c[0], c[1], progress.Discard)
		if err == nil || !strings.Contains(err.Error(), c[0]) {
			t.Errorf("%s: got %v, want an error that names the file", name, err)
		}
	}
}
