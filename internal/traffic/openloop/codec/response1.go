package codec

import (
	"bytes"
	"fmt"
	"net/http"
)

// maxHead is the largest head of a response that is read, in bytes; Envoy's own
// limit is 60 KiB (max_response_headers_kb).
const maxHead = 64 << 10

// framing is how the end of a body is known (RFC 9112, section 6.3).
type framing int

const (
	inHead framing = iota
	byLength
	byChunks
	byClose
)

// response1 reads one HTTP/1.1 response from pieces.
type response1 struct {
	flagHeader []byte
	bodyless   bool // the request was HEAD

	status    int
	close     bool
	flag      string
	errorBody []byte
	body      framing
	left      int64 // bytes of the body, or of this chunk, that are still to come
	chunk     chunkState
}

func (r *response1) reset(bodyless bool) {
	r.bodyless, r.body, r.status, r.left, r.close, r.flag = bodyless, inHead, 0, 0, false, ""
	r.chunk, r.errorBody = chunkSize, r.errorBody[:0]
}

func (r *response1) untilClose() bool { return r.body == byClose }

// flagged returns Envoy's response flag, if the response gives one away.
func (r *response1) flagged() string {
	if r.status < http.StatusInternalServerError && r.status != http.StatusTooManyRequests {
		return ""
	}
	if r.flag != "" {
		return r.flag
	}
	return flagOf(r.errorBody)
}

// feed uses up what it can of in and says whether the response is whole.
func (r *response1) feed(in []byte) (used int, whole bool, err error) {
	for r.body == inHead {
		end := bytes.Index(in[used:], crlfcrlf)
		if end < 0 {
			if len(in)-used > maxHead {
				return used, false, fmt.Errorf("the head of the response is longer than %d bytes", maxHead)
			}
			return used, false, nil
		}
		if err := r.parseHead(in[used : used+end+len(crlf)]); err != nil {
			return used, false, err
		}
		used += end + len(crlfcrlf)
	}
	switch r.body {
	case byChunks:
		n, whole, err := r.feedChunks(in[used:])
		return used + n, whole, err
	case byClose:
		r.keepError(in[used:])
		return len(in), false, nil
	default:
		n := int(min(r.left, int64(len(in)-used)))
		r.keepError(in[used : used+n])
		r.left -= int64(n)
		return used + n, r.left == 0, nil
	}
}

func (r *response1) keepError(body []byte) {
	if r.status >= http.StatusBadRequest {
		r.errorBody = keep(r.errorBody, body)
	}
}

// parseHead reads a head whose every line ends in CRLF.
func (r *response1) parseHead(head []byte) error {
	line, fields := cutLine(head)
	status, minor, err := parseStatusLine(line)
	if err != nil {
		return err
	}
	r.status, r.close = status, minor == '0'
	length, chunked := int64(-1), false
	for len(fields) > 0 {
		line, fields = cutLine(fields)
		colon := bytes.IndexByte(line, ':')
		if colon <= 0 {
			return fmt.Errorf("a header line without a name: %q", shorten(line))
		}
		name, value := line[:colon], bytes.TrimSpace(line[colon+1:])
		switch {
		case bytes.EqualFold(name, contentLength):
			if length, err = parseLength(value); err != nil {
				return err
			}
		case bytes.EqualFold(name, transferEncoding):
			chunked = bytes.EqualFold(value, chunkedCoding)
		case bytes.EqualFold(name, connectionField):
			r.close = bytes.EqualFold(value, closeOption) || r.close && !bytes.EqualFold(value, keepAlive)
		case status >= http.StatusBadRequest:
			r.errorField(name, value)
		}
	}
	r.frame(length, chunked)
	return nil
}

// errorField looks for what an error's header says about its cause. It may
// allocate: errors are not the hot path.
func (r *response1) errorField(name, value []byte) {
	switch {
	case len(r.flagHeader) > 0 && bytes.EqualFold(name, r.flagHeader):
		r.flag = string(value)
	case r.flag == "" && bytes.EqualFold(name, overloaded):
		r.flag = overloadedFlag
	}
}

func (r *response1) frame(length int64, chunked bool) {
	switch {
	case r.status < http.StatusOK: // 100 and 103 come before the response
		r.body = inHead
	case r.bodyless, r.status == http.StatusNoContent, r.status == http.StatusNotModified:
		r.body, r.left = byLength, 0
	case chunked:
		r.body, r.chunk = byChunks, chunkSize
	case length >= 0:
		r.body, r.left = byLength, length
	default:
		r.body, r.close = byClose, true
	}
}
