package cluster

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"istio-conformance/internal/process/exitcode"
)

func kubeconfig(t *testing.T, server string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	content := fmt.Sprintf(`{"apiVersion":"v1","kind":"Config","current-context":"main",
"clusters":[{"name":"c","cluster":{"server":%q}}],"users":[{"name":"u","user":{}}],
"contexts":[{"name":"main","context":{"cluster":"c","user":"u"}},{"name":"broken","context":{"cluster":"gone","user":"u"}}]}`, server)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func answering(t *testing.T, status int, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/version" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.WriteHeader(status)
		if _, err := w.Write([]byte(body)); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestExisting(t *testing.T) {
	path := kubeconfig(t, answering(t, http.StatusOK, `{"gitVersion":"v1.36.3"}`))
	c, err := Existing(t.Context(), path, "")
	if err != nil {
		t.Fatal(err)
	}
	if version, err := c.ServerVersion(t.Context()); err != nil || version != "v1.36.3" {
		t.Errorf("version %q, %v", version, err)
	}
	if c.Name != "main" || c.Owned() || len(c.Nodes()) != 0 {
		t.Errorf("cluster %+v", c)
	}
	if c.Config.QPS != clientQPS || c.Config.Burst != clientBurst {
		t.Errorf("rate limit %v, %d", c.Config.QPS, c.Config.Burst)
	}
	if err := c.Delete(t.Context()); err != nil {
		t.Errorf("Delete of an existing cluster: %v", err)
	}
	if _, err := os.Stat(path); err != nil {
		t.Errorf("the user's kubeconfig after Delete: %v", err)
	}
}

func TestExistingRefusesBadInput(t *testing.T) {
	path := kubeconfig(t, "https://127.0.0.1:1")
	garbage := filepath.Join(t.TempDir(), "garbage")
	if err := os.WriteFile(garbage, []byte("a: [\nb"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, path, context string
		want                []string
	}{
		{"no path", "", "", []string{"no kubeconfig"}},
		{"no file", "/nowhere/config", "", []string{"/nowhere/config", "no such file"}},
		{"no kubeconfig", garbage, "", []string{garbage}},
		{"unknown context", path, "other", []string{path, `"other"`, "broken, main"}},
		{"broken context", path, "broken", []string{path, "broken"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Existing(t.Context(), tt.path, tt.context)
			checkUsage(t, err, tt.want...)
		})
	}
}

func TestExistingWithoutAnAnswer(t *testing.T) {
	l, err := ListenTCP("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	dead := "https://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, server string
		want         []string
	}{
		{"refused", dead, []string{dead, "connection refused"}},
		{"no Kubernetes", answering(t, http.StatusOK, "<html>"), []string{"not as a Kubernetes API server"}},
		{"no rights", answering(t, http.StatusUnauthorized, ""), []string{"refuses the credentials"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Existing(t.Context(), kubeconfig(t, tt.server), "main")
			checkError(t, err, exitcode.Environment, append(tt.want, "context main", "start that cluster")...)
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error has more than one line: %q", err)
			}
		})
	}
}
