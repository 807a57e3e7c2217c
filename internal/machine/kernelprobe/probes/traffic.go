package probes

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// What the probes' connections use: Istio's outbound port, the port that the
// application asks for, and the proxy's user.
const (
	proxyPort = 15001
	appPort   = 8080
	proxyUser = 1337
)

// answerTime is how long a connection inside one machine may take.
const answerTime = 3 * time.Second

// traffic sends real connections through the two rules on which everything else
// stands: a connection is redirected and the proxy learns where it wanted to go,
// but the proxy's own connection passes by.
func traffic(ctx context.Context, tool Tool) Result {
	return inSandbox(func(s *sandbox) Result {
		if err := setUp("lo"); err != nil {
			return cannotTell(err.Error())
		}
		v6 := tool.Name == legacy6 || tool.Name == nft6
		proxy, err := listen(v6, proxyPort)
		if err != nil {
			return cannotTell(err.Error())
		}
		defer func() { _ = unix.Close(proxy) }() // ends with the sandbox anyway
		app, err := listen(v6, appPort)
		if err != nil {
			return cannotTell(err.Error())
		}
		defer func() { _ = unix.Close(app) }() // ends with the sandbox anyway
		if result := s.redirectAll(ctx, tool); result.Status != Works {
			result.Status = CannotTell // each of the rules has a probe of its own
			return result
		}
		wanted := map[int]int{0: proxy, proxyUser: app}
		for _, user := range []int{0, proxyUser} {
			if err := reaches(v6, user, wanted[user], proxy, app); err != nil {
				return fails(err)
			}
		}
		return works(fmt.Sprintf("user 0 was redirected to port %d and its destination known there, user %d reached port %d", proxyPort, proxyUser, appPort))
	})
}

// redirectAll writes the rules with the tool.
func (s *sandbox) redirectAll(ctx context.Context, tool Tool) Result {
	if tool.Name == native {
		return s.try(ctx, nftNAT+fmt.Sprintf("add rule inet p nat tcp dport %d meta skuid %d return\n", appPort, proxyUser)+
			fmt.Sprintf("add rule inet p nat tcp dport %d redirect to :%d\n", appPort, proxyPort), tool.Path, "-f", "-")
	}
	for _, args := range []string{
		fmt.Sprintf("-p tcp --dport %d -m owner --uid-owner %d -j RETURN", appPort, proxyUser),
		fmt.Sprintf("-p tcp --dport %d -j REDIRECT --to-ports %d", appPort, proxyPort),
	} {
		if result := s.try(ctx, "", tool.command("nat", "OUTPUT", args)...); result.Status != Works {
			return result
		}
	}
	return works("")
}

// reaches connects to the application's port as a user and says when anything but
// the wanted listener has accepted.
func reaches(v6 bool, user, wanted, proxy, app int) error {
	client, err := connectAs(v6, user)
	if err != nil {
		return fmt.Errorf("user %d connected to port %d: %w", user, appPort, err)
	}
	defer func() { _ = unix.Close(client) }() // nothing was sent
	accepted, listener, err := accept(proxy, app)
	if err != nil {
		return fmt.Errorf("user %d connected to port %d: %w", user, appPort, err)
	}
	defer func() { _ = unix.Close(accepted) }() // nothing was sent
	switch {
	case listener != wanted && listener == proxy:
		return fmt.Errorf("user %d, the proxy's own, was redirected to port %d", user, proxyPort)
	case listener != wanted:
		return fmt.Errorf("user %d reached port %d: the rule did not catch the connection", user, appPort)
	case listener == proxy:
		port, err := originalPort(v6, accepted)
		if err != nil {
			return fmt.Errorf("where the redirected connection wanted to go (SO_ORIGINAL_DST): %w", err)
		}
		if port != appPort {
			return fmt.Errorf("the redirected connection wanted port %d, and SO_ORIGINAL_DST says %d", appPort, port)
		}
	}
	return nil
}

// accept waits until one of the listeners has a connection and accepts it.
func accept(listeners ...int) (accepted, listener int, err error) {
	polled := make([]unix.PollFd, len(listeners))
	for i, fd := range listeners {
		polled[i] = unix.PollFd{Fd: int32(fd), Events: unix.POLLIN}
	}
	deadline := time.Now().Add(answerTime)
	for {
		n, err := unix.Poll(polled, int(max(0, time.Until(deadline)).Milliseconds()))
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return -1, -1, err
		}
		if n == 0 {
			return -1, -1, fmt.Errorf("nobody accepted within %s", answerTime)
		}
		break
	}
	for _, p := range polled {
		if p.Revents != 0 {
			accepted, _, err = unix.Accept4(int(p.Fd), unix.SOCK_CLOEXEC)
			return accepted, int(p.Fd), err
		}
	}
	return -1, -1, errors.New("poll named no listener")
}

// connectAs opens a connection whose socket belongs to the user.
func connectAs(v6 bool, user int) (int, error) {
	// The owner match looks at who made the socket. This changes the thread alone.
	if err := unix.Setfsuid(user); err != nil {
		return -1, fmt.Errorf("become the user: %w", err)
	}
	fd, err := unix.Socket(domain(v6), unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err := errors.Join(err, unix.Setfsuid(0)); err != nil {
		return -1, err
	}
	timeout := unix.NsecToTimeval(answerTime.Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_SNDTIMEO, &timeout); err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	if err := unix.Connect(fd, loopback(v6, appPort)); err != nil {
		return -1, errors.Join(err, unix.Close(fd))
	}
	return fd, nil
}

func listen(v6 bool, port int) (int, error) {
	fd, err := unix.Socket(domain(v6), unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("open a socket: %w", err)
	}
	if err := errors.Join(unix.Bind(fd, loopback(v6, port)), unix.Listen(fd, 8)); err != nil {
		return -1, fmt.Errorf("listen on port %d: %w", port, errors.Join(err, unix.Close(fd)))
	}
	return fd, nil
}

// ip6OriginalDst is the option's number for IPv6. Source:
// include/uapi/linux/netfilter_ipv6/ip6_tables.h, IP6T_SO_ORIGINAL_DST.
const ip6OriginalDst = 80

// originalPort returns the port that a redirected connection asked for. The
// kernel answers with a socket address, of which the port is the third and fourth
// byte; x/sys has no call of that type, but these hold enough bytes.
func originalPort(v6 bool, fd int) (int, error) {
	if v6 {
		answer, err := unix.GetsockoptIPv6MTUInfo(fd, unix.IPPROTO_IPV6, ip6OriginalDst)
		if err != nil {
			return 0, err
		}
		return int(answer.Addr.Port>>8 | answer.Addr.Port<<8), nil
	}
	answer, err := unix.GetsockoptIPv6Mreq(fd, unix.IPPROTO_IP, unix.SO_ORIGINAL_DST)
	if err != nil {
		return 0, err
	}
	return int(answer.Multiaddr[2])<<8 | int(answer.Multiaddr[3]), nil
}

func domain(v6 bool) int {
	if v6 {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

func loopback(v6 bool, port int) unix.Sockaddr {
	if v6 {
		return &unix.SockaddrInet6{Port: port, Addr: [16]byte{15: 1}}
	}
	return &unix.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}
}

// setUp brings a network device of the thread's namespace up.
func setUp(name string) error {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return fmt.Errorf("network device %s: %w", name, err)
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("network device %s up: %w", name, err)
	}
	return nil
}
