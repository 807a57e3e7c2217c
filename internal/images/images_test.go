package images

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestDetect(t *testing.T) {
	for status, want := range map[int]string{
		http.StatusOK:           Release,
		http.StatusUnauthorized: Release,
		http.StatusBadGateway:   Modules,
		http.StatusForbidden:    Modules,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }))
		if got := detect(t.Context(), server.URL); got != want {
			t.Errorf("a registry that answers %d means %s, want %s", status, got, want)
		}
		server.Close()
		if got := detect(t.Context(), server.URL); got != Modules {
			t.Errorf("a registry out of reach means %s, want %s", got, Modules)
		}
	}
}
