package probe

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func serve(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func reply(t *testing.T, w io.Writer, body string) {
	if _, err := io.WriteString(w, body); err != nil {
		t.Error(err)
	}
}

// quietTLS serves https and keeps failed handshakes to itself.
func quietTLS(t *testing.T, config *tls.Config) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = config
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// rawServer answers each connection by hand and counts them.
func rawServer(t *testing.T, answer func(net.Conn)) (address string, connections *atomic.Int32) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	connections = new(atomic.Int32)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed at the end of the test
			}
			connections.Add(1)
			if _, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
				answer(conn)
			}
			if err := conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		}
	}()
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return l.Addr().String(), connections
}

func TestHTTPSendsWhatItIsTold(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if r.Method != http.MethodPut || r.Host != "app.example.com" || r.Header.Get("X-One") != "1" || string(body) != "hello" {
			t.Errorf("got %s %s %v %q", r.Method, r.Host, r.Header, body)
		}
		if got := r.Header.Get("Accept-Encoding"); got != "" {
			t.Errorf("Accept-Encoding %q was added", got)
		}
		w.Header().Set("X-Two", "2")
		w.WriteHeader(http.StatusTeapot)
		reply(t, w, "short and stout")
	})
	got := HTTP(t.Context(), Request{
		Method: http.MethodPut, URL: "http://example.invalid/path?q=1", ConnectTo: server.Listener.Addr().String(),
		Host: "app.example.com", Headers: http.Header{"x-one": {"1"}}, Body: []byte("hello"),
	})
	if got.Err != nil || got.Class != OK || got.Status != http.StatusTeapot || string(got.Body) != "short and stout" || got.Headers.Get("X-Two") != "2" {
		t.Fatalf("response %+v", got)
	}
	if got.Duration <= 0 || !strings.HasPrefix(got.String(), "status 418 after ") {
		t.Errorf("%s after %s", got, got.Duration)
	}
	evidence := got.Evidence()
	for _, line := range []string{
		"* connection 127.0.0.1:", "> PUT http://example.invalid/path?q=1\n", "> Host: app.example.com\n", "> X-One: 1\n", "> User-Agent: istio-conformance\n",
		"\nhello\n", "< HTTP/1.1 418 I'm a teapot\n", "< X-Two: 2\n", "\nshort and stout\n", "* after ",
	} {
		if !strings.Contains(evidence, line) {
			t.Errorf("evidence lacks %q:\n%s", line, evidence)
		}
	}
}

func TestHTTPUsesAConnectionOnce(t *testing.T) {
	seen := map[string]bool{}
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) { seen[r.RemoteAddr] = true })
	for range 3 {
		if got := HTTP(t.Context(), Request{URL: server.URL}); got.Err != nil {
			t.Fatal(got.Err)
		}
	}
	if len(seen) != 3 {
		t.Errorf("%d connections for 3 requests", len(seen))
	}
}

func TestHTTPFollowsNoRedirect(t *testing.T) {
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/other", http.StatusMovedPermanently)
	})
	got := HTTP(t.Context(), Request{URL: server.URL})
	if got.Status != http.StatusMovedPermanently || got.Headers.Get("Location") != "/other" {
		t.Errorf("response %s, headers %v", got, got.Headers)
	}
}

func TestHTTPNeverRetries(t *testing.T) {
	address, connections := rawServer(t, func(net.Conn) {})
	got := HTTP(t.Context(), Request{URL: "http://" + address})
	if got.Class != Closed {
		t.Errorf("class %q (%v), want %q", got.Class, got.Err, Closed)
	}
	if n := connections.Load(); n != 1 {
		t.Errorf("%d connections, want 1", n)
	}
}

func TestClosedEarlyIsClosed(t *testing.T) {
	// A peer that closes before the request is written: which of the errors
	// net/http returns depends on timing, the class must not.
	for _, err := range []error{errors.New("http: server closed idle connection"), io.EOF, &net.OpError{Op: "read", Err: syscall.ECONNRESET}} {
		if got := classify(err); got != Closed {
			t.Errorf("class of %v is %q, want %q", err, got, Closed)
		}
	}
}

func TestHTTPFailures(t *testing.T) {
	silent := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	secure := quietTLS(t, nil)
	half, _ := rawServer(t, func(c net.Conn) { reply(t, c, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf") })
	garbage, _ := rawServer(t, func(c net.Conn) { reply(t, c, "SSH-2.0-OpenSSH_9.2\r\n") })
	closed, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		request Request
		class   Class
		status  int
		words   string
	}{
		{"no URL", Request{}, Invalid, 0, "absolute http or https URL"},
		{"other scheme", Request{URL: "ftp://x/"}, Invalid, 0, "ftp://x/"},
		{"silent", Request{URL: silent.URL, Timeout: 50 * time.Millisecond}, Timeout, 0, "no whole response within 50ms"},
		{"refused", Request{URL: "http://" + closed.Addr().String()}, Refused, 0, "connection refused"},
		{"half a body", Request{URL: "http://" + half}, Closed, 200, "after 4 bytes"},
		{"no HTTP", Request{URL: "http://" + garbage}, Malformed, 0, "malformed HTTP"},
		{"untrusted certificate", Request{URL: secure.URL, TLS: &tls.Config{RootCAs: x509.NewCertPool()}}, TLSFailed, 0, "certificate"},
		{"no TLS there", Request{URL: strings.Replace(silent.URL, "http:", "https:", 1)}, TLSFailed, 0, "tls"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := HTTP(t.Context(), tt.request)
			if got.Class != tt.class || got.Status != tt.status || got.Err == nil || !strings.Contains(got.Err.Error(), tt.words) {
				t.Fatalf("class %q, status %d, error %v; want %q, %d, %q", got.Class, got.Status, got.Err, tt.class, tt.status, tt.words)
			}
			if !strings.Contains(got.Evidence(), string(tt.class)+": ") || !strings.Contains(got.String(), string(tt.class)) {
				t.Errorf("%s\nevidence:\n%s", got, got.Evidence())
			}
		})
	}
}

func TestHTTPCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})
	if got := HTTP(ctx, Request{URL: server.URL}); got.Class != Cancelled {
		t.Errorf("class %q (%v), want %q", got.Class, got.Err, Cancelled)
	}
}

func TestHTTPTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reply(t, w, r.Proto) }))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	for _, tt := range []struct {
		http2 bool
		proto string
	}{{false, "HTTP/1.1"}, {true, "HTTP/2.0"}} {
		// The test server's certificate is for example.com.
		got := HTTP(t.Context(), Request{URL: "https://example.com/", ConnectTo: server.Listener.Addr().String(), TLS: &tls.Config{RootCAs: roots}, HTTP2: tt.http2})
		if got.Err != nil || string(got.Body) != tt.proto || got.TLS == nil || got.TLS.ServerName != "example.com" {
			t.Errorf("%s: response %s, body %q", tt.proto, got, got.Body)
		}
		if !strings.Contains(got.Evidence(), `server name "example.com"`) {
			t.Errorf("evidence:\n%s", got.Evidence())
		}
	}
}

func TestHTTPMutualTLSWithoutCertificate(t *testing.T) {
	server := quietTLS(t, &tls.Config{ClientAuth: tls.RequireAnyClientCert})
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	got := HTTP(t.Context(), Request{URL: server.URL, TLS: &tls.Config{RootCAs: roots}})
	if got.Class != TLSFailed {
		t.Errorf("class %q (%v), want %q", got.Class, got.Err, TLSFailed)
	}
}

func TestHTTP2WithPriorKnowledge(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reply(t, w, r.Proto) }))
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer server.Close()
	got := HTTP(t.Context(), Request{URL: server.URL, HTTP2: true})
	if got.Err != nil || string(got.Body) != "HTTP/2.0" {
		t.Errorf("response %s, body %q", got, got.Body)
	}
}

func TestEvidenceCutsBodies(t *testing.T) {
	text := Response{Status: 200, Body: []byte(strings.Repeat("x", evidenceBody) + "tail")}.Evidence()
	if !strings.Contains(text, "[4 more bytes]") || strings.Contains(text, "tail") {
		t.Errorf("evidence of %d bytes, end %q", len(text), text[len(text)-60:])
	}
	if text := (Response{Status: 200, Body: []byte{0xff, 0xfe, 0}}).Evidence(); !strings.Contains(text, "[3 bytes, not text]") {
		t.Errorf("evidence %q", text)
	}
}
