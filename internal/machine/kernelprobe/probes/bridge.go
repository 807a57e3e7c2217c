package probes

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// bridgeCall makes bridged packets pass the rules of iptables, by network
// namespace. Source: Linux, Documentation/networking/ip-sysctl.rst.
const bridgeCall = "/proc/sys/net/bridge/bridge-nf-call-iptables"

const bridgePort = 4789

// pod is one end of a bridge: a namespace of its own with an address.
type pod struct {
	netns, socket int
	address       [4]byte
}

// bridge sends a datagram from one namespace to another over a bridge and looks
// whether it passed a rule of iptables on the way, which br_netfilter does.
func bridge(ctx context.Context, tools map[string]Tool) Result {
	return inSandbox(func(s *sandbox) Result {
		pods := [2]pod{
			{netns: -1, socket: -1, address: [4]byte{10, 0, 0, 1}},
			{netns: -1, socket: -1, address: [4]byte{10, 0, 0, 2}},
		}
		defer func() {
			for _, p := range pods {
				_, _ = unix.Close(p.socket), unix.Close(p.netns) // of one that was not opened too
			}
		}()
		if err := s.connect(pods[:]); err != nil {
			return cannotTell(err.Error())
		}
		if err := callIptables(); err != nil {
			return cannotTell(err.Error())
		}
		count, err := s.counter(ctx, tools)
		if err != nil {
			return cannotTell(err.Error())
		}
		if err := send(&pods[0], &pods[1]); err != nil {
			return cannotTell(err.Error())
		}
		packets, err := count()
		if err != nil {
			return cannotTell(err.Error())
		}
		if packets == 0 {
			return fails(errors.New("a datagram crossed the bridge and passed no rule of iptables: br_netfilter is not at work"))
		}
		return works("a datagram crossed the bridge and passed a rule of iptables")
	})
}

// callIptables makes sure that the namespace's bridges pass the rules, which is the
// default. Before Linux 5.3 only the machine's own namespace has the file, and it
// counts for all.
func callIptables() error {
	value, err := os.ReadFile(bridgeCall)
	if errors.Is(err, fs.ErrNotExist) || err == nil && strings.TrimSpace(string(value)) == "1" {
		return nil
	}
	return errors.Join(err, writeSetting(bridgeCall, "1"))
}

// connect makes the bridge and ties the pods to it.
func (s *sandbox) connect(pods []pod) error {
	if err := netlink.LinkAdd(&netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "br0"}}); err != nil {
		return fmt.Errorf("make a bridge: %w", err)
	}
	br, err := netlink.LinkByName("br0")
	if err != nil {
		return fmt.Errorf("find the bridge: %w", err)
	}
	for i := range pods {
		p := &pods[i]
		if p.netns, err = newNetns(); err != nil {
			return err
		}
		if err := moveTo(s.netns); err != nil {
			return err
		}
		veth := netlink.NewVeth(netlink.LinkAttrs{Name: fmt.Sprintf("veth%d", i), MasterIndex: br.Attrs().Index})
		veth.PeerName, veth.PeerNamespace = "eth0", netlink.NsFd(p.netns)
		if err := netlink.LinkAdd(veth); err != nil {
			return fmt.Errorf("make a pair of veth devices: %w", err)
		}
		if err := setUp(veth.Name); err != nil {
			return err
		}
		if err := p.open(); err != nil {
			return err
		}
		if err := moveTo(s.netns); err != nil {
			return err
		}
	}
	return setUp("br0")
}

// open gives the pod its address and a socket that is bound to it.
func (p *pod) open() error {
	if err := moveTo(p.netns); err != nil {
		return err
	}
	link, err := netlink.LinkByName("eth0")
	if err != nil {
		return fmt.Errorf("network device eth0: %w", err)
	}
	address, err := netlink.ParseAddr(fmt.Sprintf("%d.%d.%d.%d/24", p.address[0], p.address[1], p.address[2], p.address[3]))
	if err != nil {
		return err
	}
	if err := netlink.AddrAdd(link, address); err != nil {
		return fmt.Errorf("address %s: %w", address, err)
	}
	if err := setUp("eth0"); err != nil {
		return err
	}
	if p.socket, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return fmt.Errorf("open a socket: %w", err)
	}
	if err := unix.Bind(p.socket, &unix.SockaddrInet4{Port: bridgePort, Addr: p.address}); err != nil {
		return fmt.Errorf("bind to %s: %w", address, err)
	}
	return nil
}

// send sends datagrams until one has arrived.
func send(from, to *pod) error {
	const retry = 100 * time.Millisecond
	deadline := time.Now().Add(answerTime)
	for {
		err := unix.Sendto(from.socket, []byte("x"), 0, &unix.SockaddrInet4{Port: bridgePort, Addr: to.address})
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("send a datagram: %w", err)
		}
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(to.socket), Events: unix.POLLIN}}, int(retry.Milliseconds()))
		if err != nil && !errors.Is(err, unix.EINTR) {
			return fmt.Errorf("wait for the datagram: %w", err)
		}
		if n > 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("no datagram crossed the bridge within %s", answerTime)
		}
	}
}

// counter writes a rule that only counts, with the first tool and to the first
// table that take it, and returns how its packets are read.
func (s *sandbox) counter(ctx context.Context, tools map[string]Tool) (func() (uint64, error), error) {
	var refused []string
	for _, name := range []string{nft4, legacy4} {
		tool, ok := tools[name]
		if !ok {
			continue
		}
		for _, table := range []string{"filter", "mangle"} {
			result := s.try(ctx, "", tool.command(table, "FORWARD", "-p udp")...)
			if result.Status == Works {
				return func() (uint64, error) {
					listing, err := s.run(ctx, "", tool.Path, "-t", table, "-nvxL", "FORWARD")
					if err != nil {
						return 0, fmt.Errorf("read the counter: %w: %s", err, oneLine(listing))
					}
					return firstCounter(listing)
				}, nil
			}
			refused = append(refused, result.Message)
		}
	}
	if len(refused) == 0 {
		return nil, errors.New("there is no iptables here to count with")
	}
	return nil, fmt.Errorf("no table of iptables to count in: %s", strings.Join(refused, "; "))
}

// firstCounter returns the packets of the first rule in what iptables -nvxL
// prints: two lines of headings, then a line for each rule.
func firstCounter(listing string) (uint64, error) {
	lines := strings.Split(listing, "\n")
	if len(lines) < 3 || len(strings.Fields(lines[2])) == 0 {
		return 0, fmt.Errorf("read the counter: iptables lists no rule: %s", oneLine(listing))
	}
	return strconv.ParseUint(strings.Fields(lines[2])[0], 10, 64)
}
