package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

// PortForward opens a free port of 127.0.0.1 that leads to a port of a pod, and
// returns it once it accepts connections; nothing need listen there yet. stop closes
// it, waits until it is closed and returns the error that had ended it before, if
// any. It ends with ctx too. A port that could not be opened is an UnaskedError.
func (c *Clients) PortForward(ctx context.Context, namespace, pod string, port int) (localPort int, stop func() error, err error) {
	fail := func(err error) (int, func() error, error) {
		return 0, nil, fmt.Errorf("forward a port to pod %s/%s port %d: %w", namespace, pod, port, Unasked(err))
	}
	ctx, cancel := context.WithCancel(ctx)
	ready := make(chan struct{})
	forwarder, err := c.forwarder(ctx, namespace, pod, [2]int{0, port}, ready)
	if err != nil {
		cancel()
		return fail(err)
	}
	done := make(chan error, 1)
	go func() { done <- c.forward(ctx, namespace, pod, port, forwarder) }()
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

// forward forwards until ctx ends. A connection that the pod's port refuses ends all
// of them: then they are opened again, at the same port of this side.
func (c *Clients) forward(ctx context.Context, namespace, pod string, port int, forwarder *portforward.PortForwarder) error {
	err := forwarder.ForwardPorts()
	for errors.Is(err, portforward.ErrLostConnectionToPod) && ctx.Err() == nil {
		ports, portsErr := forwarder.GetPorts()
		if portsErr != nil {
			return errors.Join(err, portsErr)
		}
		if forwarder, err = c.forwarder(ctx, namespace, pod, [2]int{int(ports[0].Local), port}, make(chan struct{})); err == nil {
			err = forwarder.ForwardPorts()
		}
	}
	return err
}

// forwarder leads from the first of the ports, of this side, to the second; 0 is any
// free one.
func (c *Clients) forwarder(ctx context.Context, namespace, pod string, ports [2]int, ready chan struct{}) (*portforward.PortForwarder, error) {
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
	return portforward.NewOnAddresses(dialer, []string{loopback}, []string{fmt.Sprintf("%d:%d", ports[0], ports[1])}, ctx.Done(), ready, io.Discard, io.Discard)
}

// PodGet asks what listens at a port of a pod, also at the pod's loopback address
// alone, for a path with its query over HTTP, and returns the body. Any status but
// 200 is an error. The pod runs no program for it, as PodExec needs.
func (c *Clients) PodGet(ctx context.Context, namespace, pod string, port int, path string) (_ string, err error) {
	local, stop, err := c.PortForward(ctx, namespace, pod, port)
	if err != nil {
		return "", err
	}
	// What ends the way after the answer is of no interest.
	defer func() { _ = stop() }()
	answer, err := get(ctx, fmt.Sprintf("http://%s:%d/%s", loopback, local, path))
	if err != nil {
		return "", fmt.Errorf("GET /%s of pod %s/%s at port %d: %w", path, namespace, pod, port, err)
	}
	return answer, nil
}

// get is one request on a connection of its own, by no proxy of the environment.
func get(ctx context.Context, url string) (_ string, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %s: %.200s", response.Status, body)
	}
	return string(body), err
}
