package openloop

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/url"
	"strings"

	"istio-conformance/internal/traffic/openloop/codec"
)

// Protocol is what is spoken over a path's connections.
type Protocol string

// The protocols. HTTP2 and GRPC speak without an upgrade on http URLs (h2c with
// prior knowledge) and after ALPN on https URLs.
const (
	HTTP1 Protocol = "http1"
	HTTP2 Protocol = "h2"
	GRPC  Protocol = "grpc"
)

// Protocols are all of them, for messages and flags.
var Protocols = []string{string(HTTP1), string(HTTP2), string(GRPC)}

// Path is a way to the system under test that can be loaded: the gateway's node
// port, the backend's own, a candidate's gateway.
type Path struct {
	// Name tells the path from others, such as "gateway" or "direct".
	Name string
	// URL says where connections go: http or https, address, port, and the path
	// with its query; for GRPC the path is the method.
	URL string
	// Host is the Host header or :authority; empty means the URL's.
	Host     string
	Protocol Protocol
	// Method is the request's method; empty means GET, or POST with a body.
	Method string
	Header []codec.Field
	// Body is the request's body, at most codec.MaxBody bytes; for GRPC the message.
	Body []byte
	// FlagHeader is the response header that carries Envoy's response flags,
	// where the route adds one; empty means x-envoy-response-flags.
	FlagHeader string
	// TLS is used for https URLs; nil means the system's roots and the name
	// from Host. It is cloned.
	TLS *tls.Config
}

// target is a path that was understood.
type target struct {
	address string // host:port
	host    string
	secure  bool
	tls     *tls.Config
	request codec.Request
}

// resolve checks the path; the error says what is wrong with which path.
func (p *Path) resolve(newConnections bool) (*target, error) {
	t, err := p.parse(newConnections)
	if err != nil {
		return nil, fmt.Errorf("path %s: %w", p.label(), err)
	}
	return t, nil
}

func (p *Path) label() string {
	if p.Name != "" {
		return p.Name
	}
	return p.URL
}

func (p *Path) parse(newConnections bool) (*target, error) {
	u, err := url.Parse(p.URL)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("%q is not of the form http://host:port/path or https://host:port/path", p.URL)
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	switch p.Protocol {
	case HTTP1, HTTP2, GRPC:
	default:
		return nil, fmt.Errorf("protocol %q is not one of %s", p.Protocol, strings.Join(Protocols, ", "))
	}
	if p.Protocol == GRPC && strings.Count(u.Path, "/") != 2 {
		return nil, fmt.Errorf("the URL's path %q is not a gRPC method such as /grpc.health.v1.Health/Check", u.Path)
	}
	t := &target{address: net.JoinHostPort(u.Hostname(), port), host: u.Hostname(), secure: u.Scheme == "https"}
	t.request = codec.Request{
		Method: p.Method, Scheme: u.Scheme, Authority: p.Host, Path: u.RequestURI(), Header: p.Header, Body: p.Body,
		Close: newConnections && p.Protocol == HTTP1, FlagHeader: p.FlagHeader,
	}
	t.defaults(u)
	if t.secure {
		t.tls = p.tlsConfig(&t.request)
	}
	return t, t.request.Check()
}

func (t *target) defaults(u *url.URL) {
	r := &t.request
	if r.Authority == "" {
		r.Authority = u.Host
	}
	if r.Method == "" {
		r.Method = "GET"
		if len(r.Body) > 0 {
			r.Method = "POST"
		}
	}
	if r.FlagHeader == "" {
		r.FlagHeader = "x-envoy-response-flags"
	}
	r.FlagHeader = strings.ToLower(r.FlagHeader)
}

func (p *Path) tlsConfig(r *codec.Request) *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if p.TLS != nil {
		config = p.TLS.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = r.Authority
		if host, _, err := net.SplitHostPort(r.Authority); err == nil {
			config.ServerName = host
		}
	}
	config.NextProtos = []string{"http/1.1"}
	if p.Protocol != HTTP1 {
		config.NextProtos = []string{"h2"}
	}
	return config
}

// session starts the path's protocol on a new connection.
func (t *target) session(protocol Protocol, streams int, sink codec.Sink) (codec.Session, error) {
	switch protocol {
	case HTTP2:
		return codec.NewHTTP2(&t.request, streams, sink)
	case GRPC:
		return codec.NewGRPC(&t.request, streams, sink)
	default:
		return codec.NewHTTP1(&t.request, sink), nil
	}
}
