package openloop

import (
	"errors"
	"time"

	"istio-conformance/internal/traffic/openloop/codec"
)

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
			c.fail(c.opener, classify(err))
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

// lost ends the connection; the requests without an answer fail with the class.
// They are not sent again.
func (c *conn) lost(class string) {
	c.end(func(codec.Ticket) string { return class })
}

// fail counts a request that gets no answer.
func (c *conn) fail(t codec.Ticket, class string) {
	c.note(&t, class)
	c.worker.failed(t, class)
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
	c.end(func(t codec.Ticket) string {
		if now-t.Sent < limit {
			return ClassAbandoned
		}
		return ClassTimeout
	})
}

func (c *conn) end(class func(codec.Ticket) string) {
	c.wire.Abandon(func(t codec.Ticket) { c.fail(t, class(t)) })
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
