package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"istio-conformance/internal/images/mirror"
	"istio-conformance/internal/machine/engine"
	"istio-conformance/internal/process/exitcode"
)

// beyond is a host that only the proxy reaches.
const beyond = "registry.invalid"

// proxy is what HTTPS_PROXY names. It leads to a registry with TLS, which is the mirror,
// when it is asked for beyond, and else to where it is asked for.
type proxy struct {
	url string
	// certificates is a directory with the certificate of beyond.
	certificates string
	tunnels      atomic.Int32
	servers      []*http.Server
}

func startProxy(ctx context.Context, m *mirror.Mirror, dir string) (*proxy, error) {
	certificate, err := selfSigned(filepath.Join(dir, "ca.pem"))
	if err != nil {
		return nil, err
	}
	registry, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	front, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, errors.Join(err, registry.Close())
	}
	p := &proxy{url: "http://" + front.Addr().String(), certificates: dir}
	tunnel := func(w http.ResponseWriter, r *http.Request) {
		to := r.Host
		if host, _, err := net.SplitHostPort(r.Host); err == nil && host == beyond {
			p.tunnels.Add(1)
			to = registry.Addr().String()
		}
		if err := connect(w, r, to); err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
		}
	}
	behind := &http.Server{Handler: m, TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}}, ReadHeaderTimeout: time.Minute}
	before := &http.Server{Handler: http.HandlerFunc(tunnel), ReadHeaderTimeout: time.Minute}
	p.servers = []*http.Server{behind, before}
	// They end by Close, and nobody asks how.
	go behind.ServeTLS(registry, "", "") //nolint:errcheck // see above
	go before.Serve(front)               //nolint:errcheck // see above
	return p, nil
}

func (p *proxy) close() error {
	var err error
	for _, s := range p.servers {
		err = errors.Join(err, s.Close())
	}
	return err
}

// env makes a program use the proxy and trust the registry behind it, beside those that
// the system trusts.
func (p *proxy) env() []string {
	return []string{"HTTPS_PROXY=" + p.url, "SSL_CERT_DIR=" + p.certificates + ":/etc/ssl/certs:/etc/pki/tls/certs"}
}

// connect joins the client of a CONNECT request with an address.
func connect(w http.ResponseWriter, r *http.Request, to string) error {
	hijacker, ok := w.(http.Hijacker)
	if r.Method != http.MethodConnect || !ok {
		return fmt.Errorf("%s: only CONNECT is known here", r.Method)
	}
	server, err := (&net.Dialer{Timeout: soon}).DialContext(r.Context(), "tcp", to)
	if err != nil {
		return err
	}
	client, _, err := hijacker.Hijack()
	if err != nil {
		return errors.Join(err, server.Close())
	}
	// Either side ends both; what they say of it tells nobody anything.
	go func() {
		defer server.Close()    //nolint:errcheck // see above
		io.Copy(server, client) //nolint:errcheck // see above
	}()
	defer client.Close() //nolint:errcheck // see above
	if _, err := io.WriteString(client, "HTTP/1.1 200 OK\r\n\r\n"); err == nil {
		io.Copy(client, server) //nolint:errcheck // see above
	}
	return nil
}

// selfSigned makes a certificate of beyond and writes it to path.
func selfSigned(path string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{beyond}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	err = os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o644)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// throughProxy makes a trial go through a proxy to a registry that is nowhere else.
func throughProxy(t *trial) error {
	t.env = append(append(t.env, t.proxy.env()...), "HUB="+beyond+"/"+t.below)
	t.proxy.tunnels.Store(0)
	return nil
}

func proxyFaults() []fault {
	const env = exitcode.Environment
	return []fault{
		{what: "HTTPS_PROXY, which the engine has not", set: throughProxy, status: env, says: "this process reaches the registry and the engine does not: give the engine the proxy too"},
		{what: "HTTPS_PROXY, which the engine has too", set: throughProxy, engineProxy: true},
		{what: "HTTPS_PROXY, where nothing listens", set: with("HTTPS_PROXY=http://127.0.0.1:1", "HUB="+beyond+"/istio"), status: env,
			says: "registry " + beyond + ": the proxy of HTTPS_PROXY does not answer: nothing listens there (connection refused)", shown: "attempt 3 of 3"},
	}
}

// restartEngine stops the engine that was started here and starts it with variables.
func (s *site) restartEngine(ctx context.Context, env ...string) error {
	if err := s.engine.Stop(ctx); err != nil {
		return err
	}
	var err error
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		before, had := os.LookupEnv(name)
		err = errors.Join(err, os.Setenv(name, value))
		defer func() {
			if had {
				os.Setenv(name, before) //nolint:errcheck // it could be set before
				return
			}
			os.Unsetenv(name) //nolint:errcheck // it could be set
		}()
	}
	if err != nil {
		return err
	}
	s.engine, err = engine.Ensure(ctx, s.engineOptions)
	return err
}
