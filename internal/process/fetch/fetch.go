// Package fetch asks servers for indexes, charts and manifests: bounded in time,
// with transient failures tried again within a bound, each of them shown.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"oras.land/oras-go/v2/registry/remote/retry"

	"istio-conformance/internal/process/progress"
)

const (
	// connectTimeout is how long a host may take to be found and connected to, and
	// again to agree on TLS.
	connectTimeout = 5 * time.Second
	// answerTimeout is how long a server may take from a request to the headers of
	// its answer.
	answerTimeout = 15 * time.Second
	// maxBody bounds what is read of one answer.
	maxBody = 64 << 20
)

// Transport returns what sends requests. It takes HTTPS_PROXY and its like from the
// environment.
func Transport(logf progress.Logf) http.RoundTripper {
	return &retry.Transport{Base: base(), Policy: func() retry.Policy { return policy{logf} }}
}

// Once returns what sends a request only once.
func Once() http.RoundTripper { return base() }

func base() *http.Transport {
	t := &http.Transport{Proxy: http.ProxyFromEnvironment}
	t.DialContext = (&net.Dialer{Timeout: connectTimeout}).DialContext
	t.TLSHandshakeTimeout, t.ResponseHeaderTimeout = connectTimeout, answerTimeout
	t.ForceAttemptHTTP2 = true
	t.IdleConnTimeout = time.Minute
	return t
}

// Client gets files over HTTP.
type Client struct {
	http *http.Client
	logf progress.Logf
}

// New returns a client that says on logf what it tries again.
func New(logf progress.Logf) *Client {
	return &Client{&http.Client{Transport: Transport(logf)}, logf}
}

// StatusError is an answer other than 200.
type StatusError struct {
	// URL is what was asked for, without its password.
	URL string
	// Code is the HTTP status, and Status its code and text.
	Code   int
	Status string
}

func (e *StatusError) Error() string { return fmt.Sprintf("get %s: %s", e.URL, e.Status) }

// Get returns the body of a URL. An answer other than 200 is a *StatusError. A body
// that ends too early is fetched again.
func (c *Client) Get(ctx context.Context, from string) ([]byte, error) {
	var body []byte
	err := Again(ctx, c.logf, "get "+Redacted(from), CutOff, func() (err error) {
		body, err = c.get(ctx, from)
		return err
	})
	return body, err
}

func (c *Client) get(ctx context.Context, from string) (_ []byte, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from, http.NoBody)
	if err != nil {
		return nil, err
	}
	request.Body = nil // a body, even an empty one, cannot be sent again
	response, err := c.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return nil, &StatusError{Redacted(from), response.StatusCode, response.Status}
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxBody+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the answer ends after %d bytes: %w", len(body), err)
	case len(body) > maxBody:
		return nil, fmt.Errorf("get %s: the answer is larger than %d MiB", Redacted(from), maxBody>>20)
	}
	return body, nil
}

// Redacted is a URL without its password.
func Redacted(from string) string {
	if u, err := url.Parse(from); err == nil {
		return u.Redacted()
	}
	return from
}
