// Package codec speaks HTTP/1.1, HTTP/2 and gRPC as a load generator needs it:
// from bytes to bytes, without sockets, goroutines, hidden retries, or
// allocations on the way of a good answer.
package codec

import (
	"fmt"
	"time"
)

// Ticket is what the caller wants back with the answer to a request.
type Ticket struct {
	// Intended is when the schedule wanted the request sent, Sent when it was;
	// both since the caller's own epoch.
	Intended, Sent time.Duration
	// Own is how much of the difference is the generator's own lateness.
	Own time.Duration
}

// Answer is a whole response, or the fault that came instead.
type Answer struct {
	Ticket
	// Status is the HTTP status, 0 when there is a Fault.
	Status int
	// GRPC is the grpc-status, or -1 where there is none.
	GRPC int
	// Flag is why Envoy answered by itself, as far as the response says so:
	// a response flag such as UF, or "". Only read for a status of 500 and above.
	Flag string
	// Fault is what ended the exchange without a response, such as
	// "stream reset: REFUSED_STREAM", or "".
	Fault string
}

// Sink takes answers in the order in which they became whole.
type Sink interface {
	Answered(Answer)
}

// Session is the protocol's state on one connection. It is not safe for
// concurrent use. The methods append what must be written to out.
type Session interface {
	// Open returns what a client says first.
	Open(out []byte) []byte
	// Room returns how many more requests the connection takes now.
	Room() int
	// Send appends one request. It must not be called without room.
	Send(out []byte, ticket Ticket) []byte
	// Receive takes what was read and returns how much of it was used up; the
	// rest must be given again with what follows it. An error ends the connection.
	Receive(in, out []byte) (used int, reply []byte, err error)
	// End says that the peer has closed the connection in good order, which
	// may be the end of a response.
	End()
	// Spent says whether the connection takes no request any more.
	Spent() bool
	// Abandon removes the requests that have no answer and gives each to drop.
	Abandon(drop func(Ticket))
	// Oldest returns when the oldest request without an answer was sent, and
	// whether there is one.
	Oldest() (time.Duration, bool)
}

// Request is what every request of a session looks like.
type Request struct {
	Method string
	// Scheme is http or https.
	Scheme string
	// Authority is the Host header, or :authority.
	Authority string
	// Path is the path with its query.
	Path string
	// Header are further header fields; HTTP/2 wants lower-case names and both take them.
	Header []Field
	// Body is sent as it is; for gRPC it is the message, without its prefix.
	Body []byte
	// Close asks for a new connection for every request.
	Close bool
	// FlagHeader is the response header, in lower case, that carries Envoy's
	// response flags (%RESPONSE_FLAGS%) where the configuration adds one.
	FlagHeader string
}

// Field is one header field.
type Field struct{ Name, Value string }

// MaxBody is the largest body of a request, in bytes: what fits into one frame
// and the smallest window of HTTP/2 (RFC 9113, sections 6.5.2 and 6.9.2).
const MaxBody = 16 << 10

// Check says what in the request cannot be sent.
func (r *Request) Check() error {
	if len(r.Body) > MaxBody {
		return fmt.Errorf("a body of %d bytes is more than the %d that are supported", len(r.Body), MaxBody)
	}
	for _, text := range append([]Field{{"method", r.Method}, {"host", r.Authority}, {"path", r.Path}}, r.Header...) {
		for _, s := range []string{text.Name, text.Value} {
			for i := range len(s) {
				if s[i] < ' ' || s[i] == 0x7f {
					return fmt.Errorf("%s holds the control character %#x", text.Name, s[i])
				}
			}
		}
	}
	return nil
}
