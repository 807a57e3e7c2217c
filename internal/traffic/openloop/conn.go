package openloop

import (
	"time"

	"istio-conformance/internal/traffic/openloop/codec"
)

// state is what can be done with a connection.
type state int

const (
	closed state = iota
	opening
	open
)

// readBuffer is the first size of a connection's buffer, and maxBuffer the
// last: a frame of HTTP/2 or a response's head must fit.
const (
	readBuffer = 32 << 10
	maxBuffer  = 256 << 10
)

// conn is one connection of a worker, through all times that it is opened anew.
// Its requests are its worker's numbers index, index+n, index+2n, ... of n
// connections; those that are due and not sent yet are counted, not stored.
type conn struct {
	worker *worker
	index  int
	state  state
	link   *link
	wire   codec.Session

	turn    int64 // the next request to send is worker.number(turn, index)
	backlog int64 // how many from there on are due

	// freeAt is when the connection could have taken a request again, had the
	// generator always been in time; what is sent later than that and later than
	// intended is the generator's own lateness. owed is how much later than it could
	// have been the last answer was read: a request that was sent late makes those
	// late that wait for it.
	freeAt, owed time.Duration
	// opener is the request that had to wait for the connection to be made.
	opener    codec.Ticket
	hasOpener bool
	answered  bool // since it was opened
	writable  bool // is being watched for

	in   []byte
	have int // bytes of in that are filled
	out  []byte
}

// pump sends what is due as far as the connection has room.
func (c *conn) pump() {
	if c.state == closed && c.backlog > 0 {
		c.opener, c.hasOpener = c.take(), true
		c.open()
		return
	}
	if c.state != open {
		return
	}
	for c.backlog > 0 && c.wire.Room() > 0 {
		c.out = c.wire.Send(c.out, c.take())
	}
	c.write()
}

// hasRoom says whether a request that becomes due can be sent at once.
func (c *conn) hasRoom() bool {
	return c.state == closed || c.state == open && c.wire.Room() > 0
}

// take removes the oldest request that is due.
func (c *conn) take() codec.Ticket {
	intended := c.worker.due(c.turn, c.index)
	c.turn++
	c.backlog--
	sent := c.worker.clock()
	c.worker.recorder.sent(sent)
	return codec.Ticket{Intended: intended, Sent: sent, Own: sent - max(intended, c.freeAt)}
}

// overflow gives the oldest due request up.
func (c *conn) overflow() {
	c.turn++
	c.backlog--
	c.worker.recorder.overflow(c.worker.due(c.turn-1, c.index))
}

// Answered implements codec.Sink.
func (c *conn) Answered(a codec.Answer) {
	c.answered = true
	a.Own = max(0, a.Own) + c.worker.late
	c.owed = a.Own
	if class := c.worker.answered(&a); class != "" {
		c.note(&a.Ticket, class)
	}
}

// write sends what is in out.
func (c *conn) write() {
	if len(c.out) == 0 {
		return
	}
	_, err := c.link.stream.Write(c.out)
	c.out = c.out[:0]
	c.settle(err)
}

// flush sends what the kernel did not take before.
func (c *conn) flush() {
	_, err := c.link.socket.flush()
	c.settle(err)
}

func (c *conn) settle(err error) {
	if want := len(c.link.socket.queue) > 0; err == nil && want != c.writable {
		c.writable = want
		err = c.worker.poller.WantWrite(c.link.socket.fd, int32(c.index), want)
	}
	if err != nil {
		c.lost(classify(err))
	}
}
