package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	corev1 "k8s.io/api/core/v1"

	"istio-conformance/internal/process/progress"
)

// behindBalancer has traffic enter as the load balancer before this gateway sends it,
// where the gateway wants the PROXY protocol of it and the way from here leads past it:
// by a relay on this machine that says first who asks.
func (s *Stack) behindBalancer(ctx context.Context, logf progress.Logf) error {
	pod, err := s.GatewayPod(ctx)
	if err != nil {
		return err
	}
	e := &s.Gateway.Entrance
	direct := *e
	for _, at := range []*string{&e.HTTP, &e.HTTPS} {
		if *at, err = s.asBalancer(ctx, &pod, *at); err != nil {
			return err
		}
	}
	if *e == direct {
		return nil
	}
	e.How += ", through a relay on this machine that sends the header of the PROXY protocol, as the gateway wants it"
	logf("traffic enters by %s", e.How)
	return nil
}

// asBalancer is an address of a gateway's, or where a relay leads to it.
func (s *Stack) asBalancer(ctx context.Context, pod *corev1.Pod, at string) (string, error) {
	wanted, err := wantsProxyProtocol(pod)
	if err != nil || !wanted || at == "" {
		return at, err
	}
	s.relays.mu.Lock()
	defer s.relays.mu.Unlock()
	if local := s.relays.to[at]; local != "" {
		return local, nil
	}
	local, err := relay(context.WithoutCancel(ctx), at)
	if err != nil {
		return "", err
	}
	if s.relays.to == nil {
		s.relays.to = map[string]string{}
	}
	s.relays.to[at] = local
	return local, nil
}

// relays are those that run, by the address that each leads to.
type relays struct {
	mu sync.Mutex
	to map[string]string
}

// wantsProxyProtocol reports whether a gateway's proxy is told to expect it.
// https://istio.io/latest/docs/ops/configuration/traffic-management/network-topologies/#proxy-protocol
func wantsProxyProtocol(pod *corev1.Pod) (bool, error) {
	for _, c := range pod.Spec.Containers {
		for _, e := range c.Env {
			if e.Name != "PROXY_CONFIG" {
				continue
			}
			var config struct {
				GatewayTopology struct {
					ProxyProtocol *struct{} `json:"proxyProtocol"`
				} `json:"gatewayTopology"`
			}
			if err := json.Unmarshal([]byte(e.Value), &config); err != nil {
				return false, fmt.Errorf("PROXY_CONFIG of pod %s/%s: %w", pod.Namespace, pod.Name, err)
			}
			return config.GatewayTopology.ProxyProtocol != nil, nil
		}
	}
	return false, nil
}

// relay takes connections on this machine until the process ends, and leads each to an
// address with the header of the PROXY protocol before it. It returns where.
func relay(ctx context.Context, to string) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("listen for what is relayed to the gateway: %w", err)
	}
	go func() {
		for {
			from, err := listener.Accept()
			if err != nil {
				return
			}
			go pass(ctx, from.(*net.TCPConn), to)
		}
	}()
	return listener.Addr().String(), nil
}

// pass carries one connection. What breaks it breaks it for both sides, who say so.
func pass(ctx context.Context, from *net.TCPConn, to string) {
	defer func() { _ = from.Close() }() // Harmless: nobody uses it any more.
	dialed, err := (&net.Dialer{Timeout: reachTimeout}).DialContext(ctx, "tcp", to)
	if err != nil {
		return
	}
	target := dialed.(*net.TCPConn)
	defer func() { _ = target.Close() }() // Harmless, as above.
	if _, err := io.WriteString(target, proxyHeader(from)); err != nil {
		return
	}
	var both sync.WaitGroup
	both.Go(func() { carry(target, from) })
	both.Go(func() { carry(from, target) })
	both.Wait()
}

// carry copies until the sender has no more. A connection that was reset is reset on the
// other side as well.
func carry(to, from *net.TCPConn) {
	_, err := io.Copy(to, from)
	if err == nil {
		err = to.CloseWrite()
	}
	if err != nil && !errors.Is(err, net.ErrClosed) {
		_ = to.SetLinger(0) // The next line ends it either way.
		_ = to.Close()      // Harmless: who uses it gets an error.
	}
}

// proxyHeader is version 1 of the protocol's header.
// https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt
func proxyHeader(c *net.TCPConn) string {
	source, at := c.RemoteAddr().(*net.TCPAddr), c.LocalAddr().(*net.TCPAddr)
	return fmt.Sprintf("PROXY TCP4 %s %s %d %d\r\n", source.IP, at.IP, source.Port, at.Port)
}
