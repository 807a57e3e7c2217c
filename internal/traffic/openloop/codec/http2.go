package codec

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"golang.org/x/net/http2/hpack"
)

const (
	preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
	// defaultWindow is the window before any SETTINGS (RFC 9113, section 6.9.2).
	defaultWindow = 65535
	// maxWindow is the largest window; asked for once, it takes flow control out
	// of the measurement.
	maxWindow = math.MaxInt32
	// assumedStreams is how many streams are opened before the server's SETTINGS
	// say how many it takes (RFC 9113, section 6.5.2, recommends at least 100).
	assumedStreams = 100
	// lastStream is the highest stream a client can open.
	lastStream = math.MaxInt32
)

// http2Session is one connection of HTTP/2 with prior knowledge or after ALPN. Requests
// are frames made beforehand; only their stream number changes.
type http2Session struct {
	sink       Sink
	request    []byte // HEADERS and DATA with stream 0
	streamAt   []int  // where the request holds its stream number
	body       int64  // bytes of DATA a request has
	grpc       bool
	flagHeader string

	limit      int // streams at a time that the caller wants
	peerLimit  int
	next       uint32
	streams    []stream2 // those without an answer yet, oldest first
	goingAway  bool
	sendWindow int64 // of the connection
	received   int64 // bytes of DATA since the last WINDOW_UPDATE

	decoder   *hpack.Decoder
	block     []byte // the pieces of a header block that is not whole yet
	blockOpen bool
	blockOf   uint32
	blockEnd  bool // the block's HEADERS frame ended its stream
	current   *stream2
}

// stream2 is a request without an answer.
type stream2 struct {
	id        uint32
	ticket    Ticket
	status    int
	grpc      int
	flag      string
	errorBody []byte
}

// NewHTTP2 returns a session of HTTP/2 with at most streams requests in flight.
func NewHTTP2(request *Request, streams int, sink Sink) (Session, error) {
	return newHTTP2(request, request.Body, streams, false, sink)
}

// NewGRPC returns a session of unary gRPC calls: request.Path is the method,
// such as "/grpc.health.v1.Health/Check", request.Body its message.
func NewGRPC(request *Request, streams int, sink Sink) (Session, error) {
	call := *request
	call.Method = http.MethodPost
	call.Header = append([]Field{{"content-type", "application/grpc"}, {"te", "trailers"}}, request.Header...)
	message := binary.BigEndian.AppendUint32([]byte{0}, uint32(len(request.Body)))
	return newHTTP2(&call, append(message, request.Body...), streams, true, sink)
}

func newHTTP2(request *Request, body []byte, streams int, grpc bool, sink Sink) (*http2Session, error) {
	s := &http2Session{
		sink: sink, grpc: grpc, flagHeader: request.FlagHeader, body: int64(len(body)),
		limit: streams, peerLimit: assumedStreams, next: 1, sendWindow: defaultWindow,
		streams: make([]stream2, 0, streams),
	}
	s.decoder = hpack.NewDecoder(4096, s.field)
	s.decoder.SetMaxStringLength(maxHead)
	block, err := headerBlock(request, len(body))
	if err != nil {
		return nil, err
	}
	flags := byte(flagEndHeaders)
	if len(body) == 0 {
		flags |= flagEndStream
	}
	s.streamAt = append(s.streamAt, streamOffset)
	s.request = appendFrame(nil, frameHeaders, flags, 0, block)
	if len(body) > 0 {
		s.streamAt = append(s.streamAt, len(s.request)+streamOffset)
		s.request = appendFrame(s.request, frameData, flagEndStream, 0, body)
	}
	return s, nil
}

// headerBlock encodes the request's header without the dynamic table, so that
// the same bytes are right for every stream.
func headerBlock(r *Request, body int) ([]byte, error) {
	var b bytes.Buffer
	encoder := hpack.NewEncoder(&b)
	encoder.SetMaxDynamicTableSize(0)
	fields := append([]Field{{":method", r.Method}, {":scheme", r.Scheme}, {":authority", r.Authority}, {":path", r.Path}}, r.Header...)
	if body > 0 {
		fields = append(fields, Field{"content-length", strconv.Itoa(body)})
	}
	// The first pass tells the peer of the table's new size; what stays out of
	// the table is right without that.
	for range 2 {
		b.Reset()
		for _, field := range fields {
			name := string(bytes.ToLower([]byte(field.Name)))
			if err := encoder.WriteField(hpack.HeaderField{Name: name, Value: field.Value}); err != nil {
				return nil, fmt.Errorf("encode header %s: %w", field.Name, err)
			}
		}
	}
	if b.Len() > minFrameLimit {
		return nil, fmt.Errorf("the request's header takes %d bytes, at most %d are supported", b.Len(), minFrameLimit)
	}
	return b.Bytes(), nil
}

func (s *http2Session) Open(out []byte) []byte {
	out = append(out, preface...)
	settings := binary.BigEndian.AppendUint16(nil, settingEnablePush)
	settings = binary.BigEndian.AppendUint32(settings, 0)
	settings = binary.BigEndian.AppendUint16(settings, settingInitialWindow)
	settings = binary.BigEndian.AppendUint32(settings, maxWindow)
	out = appendFrame(out, frameSettings, 0, 0, settings)
	return appendWindowUpdate(out, maxWindow-defaultWindow)
}

func (s *http2Session) Room() int {
	if s.goingAway || s.sendWindow < s.body {
		return 0
	}
	return max(0, min(s.limit, s.peerLimit)-len(s.streams))
}

func (s *http2Session) Send(out []byte, ticket Ticket) []byte {
	start := len(out)
	out = append(out, s.request...)
	for _, at := range s.streamAt {
		binary.BigEndian.PutUint32(out[start+at:], s.next)
	}
	// The slot that is taken again may own a buffer for an error's body.
	s.streams = s.streams[:len(s.streams)+1]
	slot := &s.streams[len(s.streams)-1]
	*slot = stream2{id: s.next, ticket: ticket, grpc: -1, errorBody: slot.errorBody[:0]}
	s.sendWindow -= s.body
	if s.next += 2; s.next > lastStream-2 {
		s.goingAway = true
	}
	return out
}

func (s *http2Session) End() { s.goingAway = true }

func (s *http2Session) Spent() bool { return s.goingAway && len(s.streams) == 0 }

func (s *http2Session) Abandon(drop func(Ticket)) {
	s.goingAway = true
	for i := range s.streams {
		drop(s.streams[i].ticket)
	}
	s.streams = s.streams[:0]
}

func (s *http2Session) Oldest() (time.Duration, bool) {
	if len(s.streams) == 0 {
		return 0, false
	}
	return s.streams[0].ticket.Sent, true
}
