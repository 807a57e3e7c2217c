package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/onsi/gomega"
)

func TestBackendLimitsItsMisbehaviour(t *testing.T) {
	cases := []struct {
		name, target, attempt string
		status                int
		aborted               bool
		blanks                int
	}{
		{name: "this pod", target: "/?status=503&pod=a", status: 503},
		{name: "another pod", target: "/?status=503&pod=b", status: 200},
		{name: "another pod does not abort either", target: "/?abort=true&pod=b", status: 200},
		{name: "abort", target: "/?abort=true", aborted: true},
		{name: "abort at the first attempt", target: "/?abort=true&attempts=1", attempt: "1", aborted: true},
		{name: "no abort at the second", target: "/?abort=true&attempts=1", attempt: "2", status: 200},
		{name: "no delay after the first attempt", target: "/?delay=1h&attempts=1", attempt: "2", status: 200},
		{name: "malformed attempts are refused", target: "/?status=503&attempts=some", status: 400},
		{name: "blanks after the body", target: "/?chunks=3&every=1ms", status: 200, blanks: 3},
		{name: "malformed pause breaks off", target: "/?chunks=3&every=soon", aborted: true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.target, nil)
			if c.attempt != "" {
				request.Header.Set("x-envoy-attempt-count", c.attempt)
			}
			response := httptest.NewRecorder()
			serve := func() { misbehaving("a", &backend{pod: "a", log: new(bytes.Buffer)}).ServeHTTP(response, request) }
			if c.aborted {
				g.Expect(serve).To(gomega.PanicWith(http.ErrAbortHandler))
				return
			}
			serve()
			g.Expect(response.Code).To(gomega.Equal(c.status))
			g.Expect(strings.Count(response.Body.String(), " ")).To(gomega.BeNumerically(">=", c.blanks))
		})
	}
}

func TestHealthIsWhatItWasToldToBe(t *testing.T) {
	g := gomega.NewWithT(t)
	exited := false
	handler := newHealth(func() { exited = true })
	ask := func(method, target string) int {
		response := httptest.NewRecorder()
		handler.ServeHTTP(response, httptest.NewRequestWithContext(t.Context(), method, target, nil))
		return response.Code
	}
	g.Expect(ask(http.MethodGet, "/healthz")).To(gomega.Equal(204))
	g.Expect(ask(http.MethodPut, "/healthz?status=503")).To(gomega.Equal(204))
	g.Expect(ask(http.MethodGet, "/healthz")).To(gomega.Equal(503))
	g.Expect(ask(http.MethodPut, "/healthz?status=bad")).To(gomega.Equal(400))
	g.Expect(ask(http.MethodPut, "/healthz?status=204")).To(gomega.Equal(204))
	g.Expect(ask(http.MethodGet, "/healthz")).To(gomega.Equal(204))
	g.Expect(exited).To(gomega.BeFalse())
	g.Expect(ask(http.MethodPut, "/exit")).To(gomega.Equal(204))
	g.Expect(exited).To(gomega.BeTrue())
}
