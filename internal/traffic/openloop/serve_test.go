package openloop

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

// serve starts a server on the loopback that speaks every protocol.
func serve(t *testing.T, secure bool, handler http.HandlerFunc) (*httptest.Server, *tls.Config) {
	t.Helper()
	s := httptest.NewUnstartedServer(handler)
	s.Config.Protocols = new(http.Protocols)
	s.Config.Protocols.SetHTTP1(true)
	s.Config.Protocols.SetHTTP2(true)
	s.Config.Protocols.SetUnencryptedHTTP2(true)
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // Refused handshakes are what is tested.
	if !secure {
		s.Start()
		t.Cleanup(s.Close)
		return s, nil
	}
	s.EnableHTTP2 = true
	s.StartTLS()
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s, &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS12}
}

// brief is a run of 100 requests, the first 20 of them to warm up.
func brief(path Path) Config {
	return Config{Path: path, Connections: 4, Schedule: Schedule{Rate: 1000, Warmup: 20 * time.Millisecond, Duration: 80 * time.Millisecond}}
}

func run(t *testing.T, config Config) *Result {
	t.Helper()
	r, err := Run(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if c := r.Counts; c.Planned != c.OK+c.Failed+c.Overflow || c.Planned != 80 {
		t.Errorf("not every request is accounted for: %+v", c)
	}
	return r
}
