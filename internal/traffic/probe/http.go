// Package probe makes one request and returns what came back, with the request
// and the response as evidence. It never retries, never follows a redirect and
// never uses a proxy of the environment: a check must see what the system under
// test did, not what a client made of it.
package probe

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"time"
)

const (
	// DefaultTimeout bounds a request whose Timeout is zero.
	DefaultTimeout = 10 * time.Second
	// bodyLimit is how much of a response's body is kept; the rest is an error.
	bodyLimit = 8 << 20
	userAgent = "istio-conformance"
)

// errSecondAttempt stops the transport when it is about to send a request again.
var errSecondAttempt = errors.New("the connection failed and the request would have to be sent again, which a probe never does")

// Request is one HTTP request. The zero value of every field but URL is usable.
type Request struct {
	// Method is GET when empty.
	Method string
	// URL is absolute, http or https.
	URL string
	// ConnectTo is the host:port to connect to instead of the URL's, which
	// still gives the Host header and the TLS server name.
	ConnectTo string
	// Host replaces the URL's host in the Host header, but not in TLS.
	Host string
	// Headers are sent as they are.
	Headers http.Header
	Body    []byte
	// Timeout bounds the whole exchange, from the connection to the last byte
	// of the body; 0 means DefaultTimeout.
	Timeout time.Duration
	// TLS is the client's configuration for https; nil means the system's roots.
	TLS *tls.Config
	// HTTP2 offers HTTP/2: by ALPN for https, with prior knowledge for http.
	HTTP2 bool
}

// Response is what came back. Err is nil exactly when a whole response came,
// whatever its status; otherwise Class says what kind of failure it was, and
// what had come before is filled in.
type Response struct {
	Status  int
	Proto   string // such as "HTTP/1.1"
	Headers http.Header
	Body    []byte
	// Duration is from the start until the last byte of the body, or the error.
	Duration time.Duration
	// TLS describes the connection of an https request.
	TLS   *tls.ConnectionState
	Class Class
	Err   error

	evidence evidence
}

// HTTP sends one request on a connection of its own and reads the response.
func HTTP(ctx context.Context, r Request) Response {
	transport := newTransport(r)
	defer transport.CloseIdleConnections()
	return send(ctx, r, transport)
}

func send(ctx context.Context, r Request, transport *http.Transport) Response {
	started := time.Now()
	response := Response{evidence: evidence{connectTo: r.ConnectTo}}
	response.Err = exchange(ctx, r, transport, &response)
	response.Duration = time.Since(started)
	response.Class = classify(response.Err)
	Exchanged(ctx, started, response.Evidence())
	return response
}

func exchange(ctx context.Context, r Request, transport *http.Transport, response *Response) error {
	timeout := r.Timeout
	if timeout == 0 {
		timeout = DefaultTimeout
	}
	ctx, cancelTimeout := context.WithTimeoutCause(ctx, timeout, &timeoutError{timeout})
	defer cancelTimeout()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	ctx = httptrace.WithClientTrace(ctx, response.evidence.trace(cancel))
	request, err := newRequest(ctx, r)
	if err != nil {
		return &requestError{err}
	}
	response.evidence.request(request, r.Body)
	got, err := transport.RoundTrip(request)
	if err != nil {
		return because(ctx, err)
	}
	response.Status, response.Proto, response.Headers, response.TLS = got.StatusCode, got.Proto, got.Header, got.TLS
	response.evidence.status = got.Status
	response.Body, err = io.ReadAll(io.LimitReader(got.Body, bodyLimit+1))
	if err == nil && len(response.Body) > bodyLimit {
		err = fmt.Errorf("the body is longer than %d bytes", bodyLimit)
	}
	// An error of Close after the body was read whole says nothing about the exchange.
	_ = got.Body.Close()
	if err != nil {
		return fmt.Errorf("read the body after %d bytes: %w", len(response.Body), because(ctx, err))
	}
	return nil
}

func newRequest(ctx context.Context, r Request) (*http.Request, error) {
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	request, err := http.NewRequestWithContext(ctx, method, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	if s := request.URL.Scheme; (s != "http" && s != "https") || request.URL.Host == "" {
		return nil, fmt.Errorf("URL %q: want an absolute http or https URL", r.URL)
	}
	request.Header = http.Header{"User-Agent": {userAgent}}
	for name, values := range r.Headers {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	if r.Host != "" {
		request.Host = r.Host
	}
	return request, nil
}

func newTransport(r Request) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!r.HTTP2)
	protocols.SetHTTP2(r.HTTP2)
	protocols.SetUnencryptedHTTP2(r.HTTP2)
	dialer := &net.Dialer{}
	transport := &http.Transport{
		Proxy:              nil, // never the environment's
		DisableKeepAlives:  true,
		DisableCompression: true, // would add a header and change the body
		TLSClientConfig:    r.TLS,
		Protocols:          protocols,
	}
	transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		if r.ConnectTo != "" {
			address = r.ConnectTo
		}
		return dialer.DialContext(ctx, network, address)
	}
	return transport
}

// because replaces the error of a cancelled exchange by the reason.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}
