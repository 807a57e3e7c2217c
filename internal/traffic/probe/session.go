package probe

import (
	"context"
	"net/http"
)

// Session sends requests over connections that stay open: one connection for all
// of them with HTTP/2, one for as many as are in flight with HTTP/1.1. What one
// thread of the server decides about its requests together can only be seen so.
type Session struct {
	template  Request
	transport *http.Transport
}

// NewSession opens no connection yet. The template gives ConnectTo, TLS and HTTP2
// of all requests.
func NewSession(template Request) *Session {
	transport := newTransport(template)
	transport.DisableKeepAlives = false
	// More than any check has in flight.
	transport.MaxIdleConnsPerHost = 256
	return &Session{template, transport}
}

// HTTP sends one request, which fails rather than being sent a second time.
func (s *Session) HTTP(ctx context.Context, r Request) Response {
	r.ConnectTo, r.TLS, r.HTTP2 = s.template.ConnectTo, s.template.TLS, s.template.HTTP2
	return send(ctx, r, s.transport)
}

// Close closes the connections that no request uses.
func (s *Session) Close() { s.transport.CloseIdleConnections() }
