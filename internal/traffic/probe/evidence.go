package probe

import (
	"crypto/tls"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptrace"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// evidenceBody is how much of a body the evidence repeats, in bytes.
const evidenceBody = 4 << 10

// evidence collects what is needed to write an exchange down. The transport
// calls the trace from goroutines of its own.
type evidence struct {
	connectTo string
	line      string // request line
	body      []byte // of the request
	status    string // such as "200 OK"

	traced *traced
}

// traced is what the transport says while it works.
type traced struct {
	mu          sync.Mutex
	connections int
	addresses   string
	sent        []string
}

func (e *evidence) request(r *http.Request, body []byte) {
	e.line = fmt.Sprintf("%s %s", r.Method, r.URL)
	e.body = body
}

// trace records the headers as the transport writes them, and stops it with
// cancel when it would send the request a second time.
func (e *evidence) trace(cancel func(error)) *httptrace.ClientTrace {
	t := &traced{}
	e.traced = t
	return &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.connections++
			if t.connections > 1 {
				cancel(errSecondAttempt)
				return
			}
			t.addresses = fmt.Sprintf("%s -> %s", info.Conn.LocalAddr(), info.Conn.RemoteAddr())
		},
		WroteHeaderField: func(key string, values []string) {
			t.mu.Lock()
			defer t.mu.Unlock()
			for _, value := range values {
				t.sent = append(t.sent, key+": "+value)
			}
		},
	}
}

// Evidence writes the exchange down: the connection, the request's headers as
// they were sent, the response as it was received, and the error. Long or
// binary bodies are cut, with their length.
func (r Response) Evidence() string {
	var b strings.Builder
	e := r.evidence
	if e.traced != nil {
		e.traced.mu.Lock()
		defer e.traced.mu.Unlock()
		if e.traced.addresses != "" {
			fmt.Fprintf(&b, "* connection %s\n", e.traced.addresses)
		} else {
			fmt.Fprintf(&b, "* no connection%s\n", prefixed(" to ", e.connectTo))
		}
		fmt.Fprintf(&b, "> %s\n", e.line)
		for _, header := range e.traced.sent {
			fmt.Fprintf(&b, "> %s\n", header)
		}
		writeBody(&b, e.body)
	}
	if r.TLS != nil {
		fmt.Fprintf(&b, "* %s, ALPN %q, server name %q\n", tls.VersionName(r.TLS.Version), r.TLS.NegotiatedProtocol, r.TLS.ServerName)
	}
	if r.Status != 0 {
		fmt.Fprintf(&b, "< %s %s\n", r.Proto, e.status)
		for _, name := range slices.Sorted(maps.Keys(r.Headers)) {
			for _, value := range r.Headers[name] {
				fmt.Fprintf(&b, "< %s: %s\n", name, value)
			}
		}
		writeBody(&b, r.Body)
	}
	if r.Err != nil {
		fmt.Fprintf(&b, "* %s: %v\n", r.Class, r.Err)
	}
	fmt.Fprintf(&b, "* after %s\n", r.Duration.Round(time.Microsecond))
	return b.String()
}

// lineBody is how much of a body String repeats, in bytes.
const lineBody = 200

// String is one line for a failed check: the status or the failure, the time, and what
// an error's body says.
func (r Response) String() string {
	took := r.Duration.Round(time.Millisecond)
	switch {
	case r.Err == nil:
		return fmt.Sprintf("status %d after %s%s", r.Status, took, prefixed(": ", r.word()))
	case r.Status != 0:
		return fmt.Sprintf("status %d, then %s after %s: %v", r.Status, r.Class, took, r.Err)
	default:
		return fmt.Sprintf("%s after %s: %v", r.Class, took, r.Err)
	}
}

// word is the beginning of the body of an error, in one line; empty where it is not text.
func (r Response) word() string {
	if r.Status < http.StatusBadRequest || !utf8.Valid(r.Body) {
		return ""
	}
	text := strings.Join(strings.Fields(string(r.Body)), " ")
	if len(text) > lineBody {
		text = strings.ToValidUTF8(text[:lineBody], "") + " ..."
	}
	return text
}

func writeBody(b *strings.Builder, body []byte) {
	switch {
	case len(body) == 0:
	case !utf8.Valid(body):
		fmt.Fprintf(b, "[%d bytes, not text]\n", len(body))
	case len(body) > evidenceBody:
		fmt.Fprintf(b, "\n%s\n[%d more bytes]\n", strings.ToValidUTF8(string(body[:evidenceBody]), ""), len(body)-evidenceBody)
	default:
		fmt.Fprintf(b, "\n%s\n", strings.TrimRight(string(body), "\n"))
	}
}

func prefixed(prefix, s string) string {
	if s == "" {
		return ""
	}
	return prefix + s
}
