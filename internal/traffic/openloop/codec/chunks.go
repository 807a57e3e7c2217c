package codec

import (
	"bytes"
	"fmt"
)

// chunkState is what comes next in a chunked body (RFC 9112, section 7.1).
type chunkState int

const (
	chunkSize chunkState = iota
	chunkData
	chunkEnd // the CRLF after the data
	trailer
)

// maxLine is the longest chunk-size line or trailer field that is read, in bytes.
const maxLine = 8 << 10

// feedChunks uses up what it can of a chunked body and says whether it is whole.
func (r *response1) feedChunks(in []byte) (used int, whole bool, err error) {
	for {
		rest := in[used:]
		if r.chunk == chunkData {
			n := int(min(r.left, int64(len(rest))))
			r.keepError(rest[:n])
			used += n
			if r.left -= int64(n); r.left > 0 {
				return used, false, nil
			}
			r.chunk = chunkEnd
			continue
		}
		end := bytes.Index(rest, crlf)
		if end < 0 {
			if len(rest) > maxLine {
				return used, false, fmt.Errorf("a line of a chunked body is longer than %d bytes", maxLine)
			}
			return used, false, nil
		}
		used += end + len(crlf)
		if whole, err = r.chunkLine(rest[:end]); whole || err != nil {
			return used, whole, err
		}
	}
}

// chunkLine takes a line between the data and says whether it was the last.
func (r *response1) chunkLine(line []byte) (last bool, err error) {
	switch r.chunk {
	case chunkEnd:
		if len(line) != 0 {
			return false, fmt.Errorf("a chunk is longer than its size: %q", shorten(line))
		}
		r.chunk = chunkSize
	case chunkSize:
		if r.left, err = parseChunkSize(line); err != nil {
			return false, err
		}
		r.chunk = chunkData
		if r.left == 0 {
			r.chunk = trailer
		}
	case trailer:
		return len(line) == 0, nil
	}
	return false, nil
}

func parseChunkSize(line []byte) (int64, error) {
	n, digits := int64(0), 0
	for _, c := range line {
		var v byte
		switch {
		case c >= '0' && c <= '9':
			v = c - '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			v = c | 0x20 - 'a' + 10
		case c == ';', c == ' ', c == '\t': // an extension follows
			if digits == 0 {
				return 0, fmt.Errorf("no chunk size: %q", shorten(line))
			}
			return n, nil
		default:
			return 0, fmt.Errorf("no chunk size: %q", shorten(line))
		}
		if digits++; digits > 15 {
			return 0, fmt.Errorf("a chunk size too large: %q", shorten(line))
		}
		n = n<<4 | int64(v)
	}
	if digits == 0 {
		return 0, fmt.Errorf("an empty chunk size")
	}
	return n, nil
}
