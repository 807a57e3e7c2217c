package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/onsi/gomega"
)

func TestBackendAnswersAsOrdered(t *testing.T) {
	cases := []struct {
		name, target, attempt string
		status                int
	}{
		{"plain request", "/", "", 200},
		{"failing always", "/?status=503", "7", 503},
		{"first attempt of two that fail", "/?status=503&attempts=2", "1", 503},
		{"last attempt that fails", "/?status=503&attempts=2", "2", 503},
		{"attempt after those that fail", "/?status=503&attempts=2", "3", 200},
		{"delay", "/?delay=1ms", "", 200},
		{"malformed status", "/?status=high", "", 400},
		{"status out of range", "/?status=42", "", 400},
		{"malformed delay", "/?delay=soon", "", 400},
		{"malformed attempts", "/?status=503&attempts=some", "", 400},
		{"malformed attempt count", "/", "one", 400},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.target, nil)
			if c.attempt != "" {
				request.Header.Set("x-envoy-attempt-count", c.attempt)
			}
			response := httptest.NewRecorder()
			(&backend{pod: "a", log: new(bytes.Buffer)}).ServeHTTP(response, request)
			gomega.NewWithT(t).Expect(response.Code).To(gomega.Equal(c.status))
		})
	}
}

func TestBackendCounts(t *testing.T) {
	g := gomega.NewWithT(t)
	handler := &backend{pod: "a", log: new(bytes.Buffer)}
	for _, client := range []string{"", "By=spiffe://a;URI=spiffe://b", ""} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/?status=503", nil)
		request.Header.Set("x-forwarded-client-cert", client)
		handler.ServeHTTP(httptest.NewRecorder(), request)
	}
	response := httptest.NewRecorder()
	handler.requests.ServeHTTP(response, nil)
	g.Expect(response.Body.String()).To(gomega.MatchJSON(`{"all":3,"mutualTLS":1}`))
}

func TestBackendLogsOnlyWhatCarriesAnID(t *testing.T) {
	g := gomega.NewWithT(t)
	log := new(bytes.Buffer)
	handler := &backend{pod: "a", version: "v1", log: log}
	handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/silent", nil))
	g.Expect(log.String()).To(gomega.BeEmpty())

	request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/loud?status=503", nil)
	request.Header.Set("x-conformance-id", "42")
	request.Header.Set("x-envoy-attempt-count", "2")
	handler.ServeHTTP(httptest.NewRecorder(), request)
	var line Answer
	g.Expect(json.Unmarshal(log.Bytes(), &line)).To(gomega.Succeed())
	g.Expect(line.ID).To(gomega.Equal("42"))
	g.Expect(line.Attempt).To(gomega.Equal(2))
	g.Expect(line.Status).To(gomega.Equal(503))
	g.Expect(line.Pod).To(gomega.Equal("a"))
}

func TestBackendNeverClosesAConnectionFirst(t *testing.T) {
	// Envoy's own limit for an idle connection to an upstream.
	const envoyIdleTimeout = time.Hour
	server := newHTTPServer("", http.NotFoundHandler(), nil)
	for name, limit := range map[string]time.Duration{
		"ReadHeaderTimeout": server.ReadHeaderTimeout, "ReadTimeout": server.ReadTimeout, "IdleTimeout": server.IdleTimeout, "WriteTimeout": server.WriteTimeout,
	} {
		if limit != 0 && limit <= envoyIdleTimeout {
			t.Errorf("%s is %s: the backend would close connections that Envoy may still send on", name, limit)
		}
	}
}
