package openloop

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"time"
)

var errALPN = errors.New("the server does not speak HTTP/2 over TLS (ALPN)")

// link is an open connection: the socket, and what is read from and written to,
// which is the socket or TLS on top of it.
type link struct {
	socket *socket
	stream io.ReadWriteCloser
	// buffering is true for TLS, which may have read more from the socket than
	// it handed out, so that the socket's readiness does not say all.
	buffering bool
}

// dial makes a connection, with its TLS handshake, and takes it out of Go's
// poller. It waits, and so is never called by the thread that sends.
func dial(ctx context.Context, t *target, ports *Ports, timeout time.Duration) (*link, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	connection, err := ports.dial(ctx, t.address)
	if err != nil {
		return nil, err
	}
	s := &socket{Conn: connection, fd: -1}
	l := &link{socket: s, stream: s}
	if t.secure {
		if l, err = handshake(ctx, s, t.tls); err != nil {
			return nil, errors.Join(err, s.Close())
		}
	}
	if err := s.detach(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return l, nil
}

func handshake(ctx context.Context, s *socket, config *tls.Config) (*link, error) {
	client := tls.Client(s, config)
	if err := client.HandshakeContext(ctx); err != nil {
		return nil, fmt.Errorf("TLS handshake: %w", err)
	}
	if negotiated := client.ConnectionState().NegotiatedProtocol; config.NextProtos[0] == "h2" && negotiated != "h2" {
		return nil, errALPN
	}
	return &link{socket: s, stream: client, buffering: true}, nil
}
