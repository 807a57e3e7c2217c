package main

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"google.golang.org/grpc"
)

// standIn is the backend in the place of a service that has ports of its own: each of
// the PORTS, such as "9080,3306", takes TLS, HTTP of both versions, gRPC with any method,
// and else bytes, whichever a connection begins with. HEALTH is where it is asked for
// its health then, such as ":18081". Without
// PORTS it only asks.
type standIn struct {
	backend *backend
	ports   []string
	health  string
	// plain and secure take the connections that speak HTTP, of all ports.
	plain, secure handed
}

// newStandIn returns nil where the environment asks for none.
func newStandIn(b *backend) (*standIn, error) {
	ports, health := os.Getenv("PORTS"), os.Getenv("HEALTH")
	if health == "" {
		return nil, nil
	}
	// Its certificate names what it stands for, and no pod: another pod of it is the same.
	var err error
	if b.certificate, err = newCertificate(strings.ReplaceAll(b.version, "/", ".")); err != nil {
		return nil, err
	}
	s := &standIn{backend: b, health: health, plain: make(handed), secure: make(handed)}
	for port := range strings.SplitSeq(ports, ",") {
		if port == "" {
			continue
		}
		if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
			return nil, fmt.Errorf("PORTS=%s: %q is no port", ports, port)
		}
		s.ports = append(s.ports, port)
	}
	return s, nil
}

// serve listens at every port.
func (i *standIn) serve(s *servers, traffic http.Handler, health http.Handler) {
	calls := newGRPCServer(i.backend, grpc.UnknownServiceHandler(i.call))
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor == 2 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") {
			only := &trailersOnly{ResponseWriter: w}
			calls.ServeHTTP(only, r)
			only.end()
			return
		}
		traffic.ServeHTTP(w, ordered(r))
	})
	plain, secure := newHTTPServer("", handler, nil), newHTTPServer("", handler, i.backend.tlsConfig())
	s.stop = append(s.stop, plain.Shutdown, secure.Shutdown)
	s.start("PORTS", func() error { return plain.Serve(i.plain) })
	s.start("PORTS over TLS", func() error { return secure.ServeTLS(i.secure, "", "") })
	for _, port := range i.ports {
		s.raw(":"+port, i.connection)
	}
	s.http(i.health, health, nil)
}

// connection hands a connection to the server of what it begins with.
func (i *standIn) connection(c net.Conn) {
	p := &peeked{c, bufio.NewReader(c)}
	switch p.speaks() {
	case "tls":
		i.secure <- p
	case "http":
		i.plain <- p
	default:
		i.backend.serveTCP(p)
	}
}

// orderHeader is where a stand-in finds its order, written as the query of a URL: the query
// and the path are the user's, whose words may be the same as those of an order.
const orderHeader = "x-rehearsal-order"

// ordered is the request with the order of its header in the place of its query.
func ordered(r *http.Request) *http.Request {
	r = r.WithContext(r.Context())
	r.URL = &url.URL{Path: "/", RawQuery: r.Header.Get(orderHeader)}
	return r
}

// trailersOnly writes an answer of gRPC without a message as its own server does, and its
// handler of HTTP does not: with the status in the head. Only there Envoy looks for what it
// retries.
type trailersOnly struct {
	http.ResponseWriter
	began bool
}

// WriteHeader waits for a message; an answer of gRPC always has status 200.
func (t *trailersOnly) WriteHeader(int) {}

// Write begins the answer with its first message.
func (t *trailersOnly) Write(b []byte) (int, error) {
	if !t.began {
		t.began = true
		t.ResponseWriter.WriteHeader(http.StatusOK)
	}
	return t.ResponseWriter.Write(b)
}

// Flush sends what was written.
func (t *trailersOnly) Flush() {
	if t.began {
		t.ResponseWriter.(http.Flusher).Flush()
	}
}

// end writes an answer that has no message.
func (t *trailersOnly) end() {
	if !t.began {
		t.Header().Del("Trailer")
		t.ResponseWriter.WriteHeader(http.StatusOK)
	}
}

// call answers a gRPC method that it does not know.
func (i *standIn) call(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	a, err := i.backend.begin(stream.Context(), method)
	if err != nil {
		return err
	}
	answer, err := i.backend.finish(a)
	if err != nil {
		return err
	}
	return stream.SendMsg(answer)
}

// peeked is a connection of which the first bytes were looked at.
type peeked struct {
	net.Conn
	reader *bufio.Reader
}

// Read returns also what was looked at.
func (p *peeked) Read(b []byte) (int, error) { return p.reader.Read(b) }

// longestMethod is how many bytes of a request's method are looked at, with the blank:
// WebDAV has methods of 16 letters.
const longestMethod = 17

// speaks says what the connection begins with: "tls", "http", or "" for anything else.
func (p *peeked) speaks() string {
	for n := 1; n <= longestMethod; n++ {
		begin, err := p.reader.Peek(n)
		if err != nil {
			return ""
		}
		switch last := begin[n-1]; {
		case n == 1 && last == 0x16: // a record of TLS' handshake
			return "tls"
		case last == ' ' && n > 3:
			return "http"
		case (last < 'A' || last > 'Z') && (last != '-' || n == 1):
			return ""
		}
	}
	return ""
}

// handed is a listener of connections that others have accepted.
type handed chan net.Conn

// Accept waits for one.
func (h handed) Accept() (net.Conn, error) {
	c, open := <-h
	if !open {
		return nil, net.ErrClosed
	}
	return c, nil
}

// Close leaves the channel open: a port may still hand a connection over, which the
// end of the process ends.
func (h handed) Close() error { return nil }

// Addr is nowhere: the ports have the addresses.
func (h handed) Addr() net.Addr { return &net.TCPAddr{} }
