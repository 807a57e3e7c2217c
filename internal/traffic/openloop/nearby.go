package openloop

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// resolveTimeout bounds the look-up of a target's name.
const resolveTimeout = 10 * time.Second

// RemoteTargetError refuses a target that load must not be sent to.
type RemoteTargetError struct {
	// Host is the target as it was given, Address what it stands for.
	Host    string
	Address netip.Addr
}

func (e *RemoteTargetError) Error() string {
	what := e.Address.String()
	if e.Host != what {
		what = fmt.Sprintf("%s (%s)", e.Host, what)
	}
	return what + " is neither a loopback nor a private address: load is only sent to this machine and its clusters"
}

// nearby looks the target's name up once, so that every connection goes to the
// same address, and refuses one that is not local: load on somebody else's
// machine is an attack.
func (t *target) nearby(ctx context.Context, allowRemote bool) error {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	addresses, err := net.DefaultResolver.LookupNetIP(ctx, "ip", t.host)
	if err != nil {
		return fmt.Errorf("look up %s: %w", t.host, err)
	}
	address := addresses[0].Unmap()
	for _, a := range addresses { // node ports of kind listen on IPv4 only, and localhost may be ::1 first
		if a.Unmap().Is4() {
			address = a.Unmap()
			break
		}
	}
	if !allowRemote && !address.IsLoopback() && !address.IsPrivate() {
		return &RemoteTargetError{t.host, address}
	}
	_, port, err := net.SplitHostPort(t.address)
	if err != nil {
		return fmt.Errorf("address %s: %w", t.address, err)
	}
	t.address = net.JoinHostPort(address.String(), port)
	return nil
}
