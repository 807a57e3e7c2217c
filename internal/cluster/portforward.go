package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"

	"k8s.io/apimachinery/pkg/util/httpstream" //nolint:staticcheck // client-go's port-forward has these types
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
)

// PortForward opens a free port of 127.0.0.1 that leads to a port of a pod, and
// returns it once it accepts connections; nothing need listen there yet. stop closes
// it, waits until it is closed and returns the error by which a later connection could not
// be opened, if any. It ends with ctx too. A port that could not be opened is an UnaskedError.
func (c *Clients) PortForward(ctx context.Context, namespace, pod string, port int) (localPort int, stop func() error, err error) {
	fail := func(err error) (int, func() error, error) {
		return 0, nil, fmt.Errorf("forward a port to pod %s/%s port %d: %w", namespace, pod, port, Unasked(err))
	}
	if err := context.Cause(ctx); err != nil {
		return fail(err)
	}
	dialer, err := c.podDialer(namespace, pod)
	if err != nil {
		return fail(err)
	}
	f := &forwarder{dialer: dialer, port: strconv.Itoa(port)}
	if _, err := f.connection(); err != nil {
		return fail(err)
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(loopback, "0"))
	if err != nil {
		return fail(errors.Join(err, f.close()))
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan error, 1)
	go func() { done <- f.forward(ctx, listener) }()
	stop = func() error {
		cancel()
		return <-done
	}
	return listener.Addr().(*net.TCPAddr).Port, stop, nil
}

// podDialer opens ways to the ports of a pod.
func (c *Clients) podDialer(namespace, pod string) (httpstream.Dialer, error) {
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
	return portforward.NewFallbackDialer(overWebSocket, overSPDY, needsSPDY), nil
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
