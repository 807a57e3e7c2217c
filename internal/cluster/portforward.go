package cluster

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

// PortForward opens a free port of 127.0.0.1 that leads to a port of a pod, and
// returns it once it accepts connections. stop closes it, waits until it is
// closed and returns the error that had ended it before, if any. It ends with
// ctx too.
func (c *Clients) PortForward(ctx context.Context, namespace, pod string, port int) (localPort int, stop func() error, err error) {
	fail := func(err error) (int, func() error, error) {
		return 0, nil, fmt.Errorf("forward a port to pod %s/%s port %d: %w", namespace, pod, port, err)
	}
	ctx, cancel := context.WithCancel(ctx)
	ready := make(chan struct{})
	forwarder, err := c.forwarder(ctx, namespace, pod, port, ready)
	if err != nil {
		cancel()
		return fail(err)
	}
	done := make(chan error, 1)
	go func() { done <- forwarder.ForwardPorts() }()
	select {
	case <-ready:
	case err := <-done:
		cancel()
		return fail(err)
	case <-ctx.Done():
		cancel()
		return fail(context.Cause(ctx))
	}
	stop = func() error {
		cancel()
		return <-done
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		cancel()
		return fail(err)
	}
	return int(ports[0].Local), stop, nil
}

func (c *Clients) forwarder(ctx context.Context, namespace, pod string, port int, ready chan struct{}) (*portforward.PortForwarder, error) {
	url := c.Kube.CoreV1().RESTClient().Post().
		Resource("pods").Namespace(namespace).Name(pod).SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(c.Config)
	if err != nil {
		return nil, err
	}
	overSPDY := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, url)
	overWebSocket, err := portforward.NewSPDYOverWebsocketDialer(url, c.Config)
	if err != nil {
		return nil, err
	}
	dialer := portforward.NewFallbackDialer(overWebSocket, overSPDY, needsSPDY)
	// Port 0 of this side: any free one.
	return portforward.NewOnAddresses(dialer, []string{loopback}, []string{fmt.Sprintf("0:%d", port)}, ctx.Done(), ready, io.Discard, io.Discard)
}
