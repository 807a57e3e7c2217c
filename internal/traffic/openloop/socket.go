package openloop

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// errAgain says that a socket has nothing to read now. crypto/tls takes a
// temporary net.Error as a reason to try again later, not as the end.
var errAgain net.Error = againError{}

type againError struct{}

func (againError) Error() string   { return "nothing to read now" }
func (againError) Timeout() bool   { return true }
func (againError) Temporary() bool { return true }

// socket is a connection outside Go's network poller, so that one thread can
// wait for many sockets and for the clock. While a connection is made, it is
// an ordinary net.Conn; detach takes the descriptor out of it. It implements
// net.Conn as far as crypto/tls needs it.
type socket struct {
	net.Conn                // until detach
	fd       int            // after detach, -1 before
	from     netip.AddrPort // its own address, after detach
	queue    []byte         // what the kernel did not take yet
}

// detach moves the connection to a descriptor of its own.
func (s *socket) detach() error {
	tcp, ok := s.Conn.(*net.TCPConn)
	if !ok {
		return fmt.Errorf("a connection of type %T has no descriptor", s.Conn)
	}
	if own, ok := tcp.LocalAddr().(*net.TCPAddr); ok {
		s.from = own.AddrPort()
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	duplicate := -1
	var failure error
	err = raw.Control(func(fd uintptr) {
		duplicate, failure = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0)
	})
	if err := errors.Join(err, failure); err != nil {
		return fmt.Errorf("duplicate a socket: %w", err)
	}
	// Closing takes Go's poller away from the socket, which the duplicate keeps open.
	if err := s.Conn.Close(); err != nil {
		return errors.Join(err, unix.Close(duplicate))
	}
	s.fd, s.Conn = duplicate, nil
	return nil
}

// Read returns errAgain when there is nothing, and io.EOF at the end.
func (s *socket) Read(b []byte) (int, error) {
	if s.Conn != nil {
		return s.Conn.Read(b)
	}
	for {
		n, err := unix.Read(s.fd, b)
		switch {
		case n > 0:
			return n, nil
		case err == nil:
			return 0, io.EOF
		case errors.Is(err, unix.EAGAIN):
			return 0, errAgain
		case !errors.Is(err, unix.EINTR):
			return 0, err
		}
	}
}

// Write never waits: what the kernel does not take is queued for flush.
func (s *socket) Write(b []byte) (int, error) {
	if s.Conn != nil {
		return s.Conn.Write(b)
	}
	n := 0
	if len(s.queue) == 0 {
		var err error
		if n, err = s.send(b); err != nil {
			return 0, err
		}
	}
	s.queue = append(s.queue, b[n:]...)
	return len(b), nil
}

// flush writes what is queued and says whether some is left.
func (s *socket) flush() (left bool, err error) {
	if len(s.queue) == 0 {
		return false, nil
	}
	n, err := s.send(s.queue)
	s.queue = s.queue[:copy(s.queue, s.queue[n:])]
	return len(s.queue) > 0, err
}

func (s *socket) send(b []byte) (int, error) {
	for {
		n, err := unix.Write(s.fd, b)
		switch {
		case err == nil:
			return n, nil
		case errors.Is(err, unix.EAGAIN):
			return 0, nil
		case !errors.Is(err, unix.EINTR):
			return 0, err
		}
	}
}

// Close closes the connection in whatever state it is.
func (s *socket) Close() error {
	if s.Conn != nil {
		return s.Conn.Close()
	}
	return unix.Close(s.fd)
}

// SetDeadline is ignored after detach: nothing waits any more.
func (s *socket) SetDeadline(t time.Time) error {
	if s.Conn != nil {
		return s.Conn.SetDeadline(t)
	}
	return nil
}

// SetReadDeadline is ignored after detach.
func (s *socket) SetReadDeadline(t time.Time) error {
	if s.Conn != nil {
		return s.Conn.SetReadDeadline(t)
	}
	return nil
}

// SetWriteDeadline is ignored after detach.
func (s *socket) SetWriteDeadline(t time.Time) error {
	if s.Conn != nil {
		return s.Conn.SetWriteDeadline(t)
	}
	return nil
}
