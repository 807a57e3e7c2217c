package openloop

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// Ports are local ports that are taken in turn, so that none comes back soon. The
// kernel may choose the port of a connection that ended seconds ago; conntrack, which
// remembers where that one led (10 s after a reset, 30 s in LAST_ACK, up to 120 s
// otherwise; nf_conntrack_tcp_timeout_* of net.netfilter), then sends the new one there
// as well, to a pod that may be gone. That is the node's network and not the mesh's.
//
// They lie below the kernel's own choice (net.ipv4.ip_local_port_range, 32768 to 60999
// by default) and below the node ports. Ports may be shared; nil leaves the choice to
// the kernel.
type Ports struct{ next atomic.Uint32 }

const (
	firstPort = 10240
	portCount = 30000 - firstPort
	// portTries bounds how many ports in a row may be in use by others.
	portTries = 256
)

// PortsRate is the highest rate of new connections, in connections a second, at which
// no port of Ports comes back while conntrack remembers it.
const PortsRate = portCount / 125.0

// NewPorts begins anywhere: another process may have just used the first ones.
func NewPorts() *Ports {
	p := &Ports{}
	p.next.Store(rand.Uint32N(portCount)) //nolint:gosec // It need not be unpredictable.
	return p
}

// dial connects from the next port that is free.
func (p *Ports) dial(ctx context.Context, address string) (net.Conn, error) {
	dialer := net.Dialer{KeepAlive: -1}
	if p == nil {
		return dialer.DialContext(ctx, "tcp", address)
	}
	var err error
	for range portTries {
		dialer.LocalAddr = &net.TCPAddr{Port: firstPort + int(p.next.Add(1)%portCount)}
		var connection net.Conn
		connection, err = dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			return connection, nil
		}
		if !errors.Is(err, unix.EADDRINUSE) && !errors.Is(err, unix.EADDRNOTAVAIL) {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%d local ports in a row are in use: %w", portTries, err)
}
