package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

func TestForward(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost {
			t.Errorf("method %s: Go's client would send it again by itself", r.Method)
		}
		w.WriteHeader(http.StatusTeapot)
	}))
	t.Cleanup(other.Close)
	own := httptest.NewServer(&backend{pod: "p", log: io.Discard})
	t.Cleanup(own.Close)
	for target, want := range map[string]int{other.URL: http.StatusTeapot, "http://127.0.0.1:1/": statusNotForwarded} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, own.URL+"/?forward="+url.QueryEscape(target), nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Fatal(err)
		}
		if response.StatusCode != want {
			t.Errorf("forward to %s: status %d, want %d", target, response.StatusCode, want)
		}
	}
}
