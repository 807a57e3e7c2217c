package codec

import (
	"bytes"
	"fmt"
	"math"
)

var (
	crlf             = []byte("\r\n")
	crlfcrlf         = []byte("\r\n\r\n")
	httpPrefix       = []byte("HTTP/1.")
	contentLength    = []byte("content-length")
	transferEncoding = []byte("transfer-encoding")
	chunkedCoding    = []byte("chunked")
	connectionField  = []byte("connection")
	closeOption      = []byte("close")
	keepAlive        = []byte("keep-alive")
	overloaded       = []byte("x-envoy-overloaded")
)

// overloadedFlag stands for the header x-envoy-overloaded, which Envoy adds to
// what it refuses because of a circuit breaker or its own overload.
const overloadedFlag = "overloaded"

// cutLine returns the text before the first CRLF and what follows it.
func cutLine(b []byte) (line, rest []byte) {
	i := bytes.Index(b, crlf)
	if i < 0 {
		return b, nil
	}
	return b[:i], b[i+len(crlf):]
}

// parseStatusLine reads "HTTP/1.1 200 OK" and returns the status and the last
// digit of the version.
func parseStatusLine(line []byte) (status int, minor byte, err error) {
	const at = len("HTTP/1.1 ")
	if len(line) < at+3 || !bytes.HasPrefix(line, httpPrefix) || line[at-1] != ' ' {
		return 0, 0, fmt.Errorf("no HTTP/1 status line: %q", shorten(line))
	}
	for _, c := range line[at : at+3] {
		if c < '0' || c > '9' {
			return 0, 0, fmt.Errorf("no HTTP/1 status line: %q", shorten(line))
		}
		status = status*10 + int(c-'0')
	}
	return status, line[at-2], nil
}

func parseLength(value []byte) (int64, error) {
	n := int64(0)
	for _, c := range value {
		if c < '0' || c > '9' || n > math.MaxInt64/10-1 {
			return 0, fmt.Errorf("content-length %q is no length", shorten(value))
		}
		n = n*10 + int64(c-'0')
	}
	if len(value) == 0 {
		return 0, fmt.Errorf("content-length is empty")
	}
	return n, nil
}

// shorten keeps error messages to one line of a readable length.
func shorten(b []byte) []byte { return b[:min(len(b), 80)] }
