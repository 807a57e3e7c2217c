package load

import (
	"errors"
	"fmt"
	"io"
	"time"

	"istio-conformance/internal/load/wire"
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
	wire   wire.Session

	turn    int64 // the next request to send is worker.number(turn, index)
	backlog int64 // how many from there on are due

	// freeAt is when the connection could take a request again; what is sent
	// later than that and later than intended is the generator's own lateness.
	freeAt time.Duration
	// opener is the request that had to wait for the connection to be made.
	opener    wire.Ticket
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
func (c *conn) take() wire.Ticket {
	intended := c.worker.due(c.turn, c.index)
	c.turn++
	c.backlog--
	sent := c.worker.clock()
	return wire.Ticket{Intended: intended, Sent: sent, Own: sent - max(intended, c.freeAt)}
}

// overflow gives the oldest due request up.
func (c *conn) overflow() {
	c.turn++
	c.backlog--
	c.worker.recorder.overflow(c.worker.due(c.turn-1, c.index))
}

func (c *conn) open() {
	c.state = opening
	c.worker.dial(c.index)
}

// opened takes the result of dialling.
func (c *conn) opened(l *link, err error) {
	if err == nil {
		err = c.start(l)
	}
	c.freeAt = c.worker.clock()
	if err != nil {
		c.state = closed
		if c.hasOpener {
			c.hasOpener = false
			c.worker.failed(c.opener, classify(err))
		}
		c.pump()
		return
	}
	c.worker.recorder.opened++
	if c.hasOpener {
		c.hasOpener = false
		c.out = c.wire.Send(c.out, c.opener)
	}
	c.pump()
	if l.buffering && c.state == open {
		c.read()
	}
}

// start begins a session on the link.
func (c *conn) start(l *link) (err error) {
	if c.wire, err = c.worker.session(c); err == nil {
		err = c.worker.poller.Add(l.socket.fd, int32(c.index))
	}
	if err != nil {
		return errors.Join(err, l.socket.Close())
	}
	c.link, c.state, c.have, c.answered, c.writable = l, open, 0, false, false
	if c.in == nil {
		c.in = make([]byte, readBuffer)
	}
	c.out = c.wire.Open(c.out[:0])
	return nil
}

// Answered implements wire.Sink.
func (c *conn) Answered(a wire.Answer) {
	c.answered = true
	c.worker.answered(&a)
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

// read takes everything there is to read.
func (c *conn) read() {
	for c.state == open {
		space := c.in[c.have:]
		n, err := c.link.stream.Read(space)
		if errors.Is(err, errAgain) {
			return
		}
		c.worker.tick()
		if n > 0 && err == nil {
			err = c.receive(n)
		}
		if err != nil {
			if errors.Is(err, io.EOF) {
				c.wire.End()
			}
			c.lost(classify(err))
			return
		}
		if c.wire.Spent() {
			c.lost(ClassClosed)
			return
		}
		c.pump()
		if n < len(space) && !c.link.buffering {
			return // a short read emptied the socket
		}
	}
}

func (c *conn) receive(n int) error {
	full := c.wire.Room() == 0
	c.have += n
	used, out, err := c.wire.Receive(c.in[:c.have], c.out)
	c.out = out
	if err != nil {
		return err
	}
	c.have = copy(c.in, c.in[used:c.have])
	if full && c.wire.Room() > 0 {
		c.freeAt = c.worker.now
	}
	if c.have == len(c.in) {
		if len(c.in) >= maxBuffer {
			return fmt.Errorf("the server sent %d bytes that make no whole part of a response", len(c.in))
		}
		c.in = append(c.in, make([]byte, len(c.in))...)
	}
	return nil
}

// lost ends the connection; the requests without an answer fail with the class.
// They are not sent again.
func (c *conn) lost(class string) {
	c.end(func(wire.Ticket) string { return class })
}

// expire ends the connection when a request on it waits for too long: there is
// no telling what the late answer would do to the next one.
func (c *conn) expire(limit time.Duration) {
	if c.state != open {
		return
	}
	now := c.worker.now
	if oldest, waits := c.wire.Oldest(); !waits || now-oldest < limit {
		return
	}
	c.end(func(t wire.Ticket) string {
		if now-t.Sent < limit {
			return ClassAbandoned
		}
		return ClassTimeout
	})
}

func (c *conn) end(class func(wire.Ticket) string) {
	c.wire.Abandon(func(t wire.Ticket) { c.worker.failed(t, class(t)) })
	_ = c.link.stream.Close() // Harmless: it says again that the connection is broken, or that the peer does not listen.
	c.state, c.freeAt = closed, c.worker.now
	// A peer that takes connections and ends them at once must not make the
	// generator spin: then the next due request opens one.
	if c.worker.keepsOpen() && c.answered && c.backlog == 0 {
		c.open()
		return
	}
	c.pump()
}
