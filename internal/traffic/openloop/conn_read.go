package openloop

import (
	"errors"
	"fmt"
	"io"
)

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
		c.freeAt = c.worker.now - c.owed
	}
	if c.have == len(c.in) {
		if len(c.in) >= maxBuffer {
			return fmt.Errorf("the server sent %d bytes that make no whole part of a response", len(c.in))
		}
		c.in = append(c.in, make([]byte, len(c.in))...)
	}
	return nil
}
