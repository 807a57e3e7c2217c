package images

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"istio-conformance/internal/mesh/istio"
)

func TestDetect(t *testing.T) {
	for status, want := range map[int]string{
		http.StatusOK:           istio.SourceRelease,
		http.StatusUnauthorized: istio.SourceRelease,
		http.StatusBadGateway:   istio.SourceModules,
		http.StatusForbidden:    istio.SourceModules,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		if got := detect(t.Context(), server.URL); got != want {
			t.Errorf("a registry that answers %d means %s, want %s", status, got, want)
		}
		server.Close()
		if got := detect(t.Context(), server.URL); got != istio.SourceModules {
			t.Errorf("a registry out of reach means %s, want %s", got, istio.SourceModules)
		}
	}
}
