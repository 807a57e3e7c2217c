package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/onsi/gomega"
)

// lines keeps what is logged.
type lines struct{ all []string }

func (l *lines) logf(format string, args ...any) { l.all = append(l.all, fmt.Sprintf(format, args...)) }

// server answers with what the handler of the attempt says, the last one for ever.
func server(t *testing.T, attempts ...http.HandlerFunc) (url string, asked *atomic.Int32) {
	t.Helper()
	asked = &atomic.Int32{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int(asked.Add(1))
		attempts[min(n, len(attempts))-1](w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
	}
}

func cut(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "100")
	write(w, "half")
}

func write(w http.ResponseWriter, text string) {
	if _, err := w.Write([]byte(text)); err != nil {
		panic(err)
	}
}

func body(w http.ResponseWriter, _ *http.Request) { write(w, "whole") }

func reset(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close() //nolint:errcheck // it is to break
	}
}

func TestGetTriesAgainWhatNeedNotComeTwice(t *testing.T) {
	for name, c := range map[string]struct {
		attempts []http.HandlerFunc
		asked    int32
		reason   string // empty: it succeeds
		logged   string
	}{
		"at once":                  {[]http.HandlerFunc{body}, 1, "", ""},
		"429, then whole":          {[]http.HandlerFunc{status(429, "Retry-After", "1"), body}, 2, "", "429 Too Many Requests: attempt 2 of 3 in 1s"},
		"503, then whole":          {[]http.HandlerFunc{status(503), body}, 2, "", "attempt 2 of 3"},
		"reset, then whole":        {[]http.HandlerFunc{reset, body}, 2, "", "attempt 2 of 3"},
		"cut off, then whole":      {[]http.HandlerFunc{cut, body}, 2, "", "the answer ends after 4 bytes: unexpected EOF: attempt 2 of 3"},
		"429 that asks too much":   {[]http.HandlerFunc{status(429, "Retry-After", "3600")}, 1, "it takes no more requests for now", "asks to wait 1h0m0s, which is too long"},
		"404":                      {[]http.HandlerFunc{status(404)}, 1, "it answers 404 Not Found", ""},
		"401":                      {[]http.HandlerFunc{status(401)}, 1, "access is refused (401 Unauthorized)", ""},
		"cut off for ever":         {[]http.HandlerFunc{cut}, 3, "the answer ends after 4 bytes", "attempt 3 of 3"},
		"503 for ever":             {[]http.HandlerFunc{status(503)}, 3, "it answers 503 Service Unavailable", "attempt 3 of 3"},
		"a date, then whole":       {[]http.HandlerFunc{status(429, "Retry-After", time.Now().Add(2*time.Second).UTC().Format(http.TimeFormat)), body}, 2, "", "attempt 2 of 3"},
		"nonsense, then whole":     {[]http.HandlerFunc{status(429, "Retry-After", "soon"), body}, 2, "", "attempt 2 of 3 in 1s"},
		"internal error and whole": {[]http.HandlerFunc{status(500), body}, 2, "", "500 Internal Server Error: attempt 2 of 3"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := gomega.NewWithT(t)
			url, asked := server(t, c.attempts...)
			log := &lines{}
			got, err := New(log.logf).Get(t.Context(), url+"/index.yaml")
			if c.reason == "" {
				g.Expect(err).NotTo(gomega.HaveOccurred())
				g.Expect(string(got)).To(gomega.Equal("whole"))
			} else {
				g.Expect(err).To(gomega.HaveOccurred())
				g.Expect(Reason(err)).To(gomega.ContainSubstring(c.reason))
			}
			g.Expect(asked.Load()).To(gomega.Equal(c.asked))
			g.Expect(strings.Join(log.all, "\n")).To(gomega.ContainSubstring(c.logged))
			if c.logged == "" {
				g.Expect(log.all).To(gomega.BeEmpty())
			}
		})
	}
}

func TestNothingListens(t *testing.T) {
	g := gomega.NewWithT(t)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	log := &lines{}
	_, err := New(log.logf).Get(t.Context(), gone.URL)
	g.Expect(Reason(err)).To(gomega.Equal("nothing listens there (connection refused)"))
	g.Expect(log.all).To(gomega.HaveLen(2), "each attempt is shown")
}

func TestTheProxyIsDown(t *testing.T) {
	g := gomega.NewWithT(t)
	down := &url.URL{Scheme: "http", Host: "127.0.0.1:1"}
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(down)}}
	_, err := client.Get("https://charts.invalid") //nolint:bodyclose,noctx // there is no answer
	g.Expect(Reason(err)).To(gomega.Equal("the proxy of HTTPS_PROXY does not answer: nothing listens there (connection refused)"))
}

func TestThereIsNoRoute(t *testing.T) {
	g := gomega.NewWithT(t)
	err := &url.Error{Op: "Get", URL: "https://charts.invalid", Err: &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}}
	g.Expect(Reason(err)).To(gomega.Equal("this machine has no route to it"))
}

func TestAnUnknownHostIsNotAskedAgain(t *testing.T) {
	g := gomega.NewWithT(t)
	log := &lines{}
	_, err := New(log.logf).Get(t.Context(), "http://charts.invalid")
	g.Expect(err).To(gomega.HaveOccurred())
	g.Expect(log.all).To(gomega.BeEmpty())
}

func TestGetEndsWithTheContext(t *testing.T) {
	g := gomega.NewWithT(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	url, _ := server(t, func(http.ResponseWriter, *http.Request) { cancel(errors.New("interrupted")) }, body)
	_, err := New(t.Logf).Get(ctx, url)
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("interrupted")))
}

func TestNoPasswordIsShown(t *testing.T) {
	g := gomega.NewWithT(t)
	url, _ := server(t, status(404))
	_, err := New(t.Logf).Get(t.Context(), strings.Replace(url, "http://", "http://user:secret@", 1))
	g.Expect(err).To(gomega.MatchError(gomega.Not(gomega.ContainSubstring("secret"))))
}
