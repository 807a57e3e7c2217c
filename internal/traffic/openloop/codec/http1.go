package codec

import (
	"errors"
	"net/http"
	"strconv"
	"time"
)

// http1Session is one connection with one request in flight: pipelining would let one
// slow answer delay others, which no browser and no Envoy does.
type http1Session struct {
	sink    Sink
	request []byte
	closing bool // every request asks for a new connection
	head    bool // the method is HEAD: no body follows
	busy    bool
	spent   bool
	ticket  Ticket
	parser  response1
}

// NewHTTP1 returns a session of HTTP/1.1.
func NewHTTP1(request *Request, sink Sink) Session {
	return &http1Session{
		sink: sink, request: http1Bytes(request), closing: request.Close, head: request.Method == http.MethodHead,
		parser: response1{flagHeader: []byte(request.FlagHeader), errorBody: make([]byte, 0, maxErrorBody)},
	}
}

func http1Bytes(r *Request) []byte {
	b := append([]byte(nil), r.Method+" "+r.Path+" HTTP/1.1\r\nHost: "+r.Authority+"\r\n"...)
	for _, field := range r.Header {
		b = append(b, field.Name+": "+field.Value+"\r\n"...)
	}
	if len(r.Body) > 0 || r.Method == http.MethodPost || r.Method == http.MethodPut || r.Method == http.MethodPatch {
		b = append(b, "Content-Length: "+strconv.Itoa(len(r.Body))+"\r\n"...)
	}
	if r.Close {
		b = append(b, "Connection: close\r\n"...)
	}
	return append(append(b, "\r\n"...), r.Body...)
}

func (s *http1Session) Open(out []byte) []byte { return out }

func (s *http1Session) Room() int {
	if s.busy || s.spent {
		return 0
	}
	return 1
}

func (s *http1Session) Send(out []byte, ticket Ticket) []byte {
	s.busy, s.ticket = true, ticket
	s.parser.reset(s.head)
	return append(out, s.request...)
}

var errUnasked = errors.New("the server sent data that no request asked for")

func (s *http1Session) Receive(in, out []byte) (int, []byte, error) {
	if !s.busy {
		// Envoy answers 408 by itself on an idle connection before it closes it;
		// whatever it is, it is no answer, and the connection is of no use.
		s.spent = true
		return len(in), out, errUnasked
	}
	used, whole, err := s.parser.feed(in)
	if err != nil {
		return used, out, err
	}
	if whole {
		s.finish()
		if used < len(in) {
			s.spent = true
			return used, out, errUnasked
		}
	}
	return used, out, nil
}

func (s *http1Session) finish() {
	s.busy = false
	s.spent = s.closing || s.parser.close
	s.sink.Answered(Answer{Ticket: s.ticket, Status: s.parser.status, GRPC: -1, Flag: s.parser.flagged()})
}

func (s *http1Session) End() {
	s.spent = true
	if s.busy && s.parser.untilClose() {
		s.finish()
	}
}

func (s *http1Session) Spent() bool { return s.spent && !s.busy }

func (s *http1Session) Abandon(drop func(Ticket)) {
	s.spent = true
	if s.busy {
		s.busy = false
		drop(s.ticket)
	}
}

func (s *http1Session) Oldest() (time.Duration, bool) { return s.ticket.Sent, s.busy }
