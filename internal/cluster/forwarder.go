package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/httpstream" //nolint:staticcheck // client-go's port-forward has these types
	"k8s.io/client-go/tools/portforward"
)

// forwarder carries connections to a port of a pod, each by streams of its own over one
// connection to the API server. Unlike client-go's, which closes that one as soon as the
// pod refuses or resets a single connection, it leaves the others alone.
type forwarder struct {
	dialer httpstream.Dialer
	port   string

	mu   sync.Mutex
	open httpstream.Connection
	last int
	err  error
}

// connection returns the way to the pod, opened anew where it was lost.
func (f *forwarder) connection() (httpstream.Connection, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open != nil {
		select {
		case <-f.open.CloseChan():
		default:
			return f.open, nil
		}
	}
	opened, _, err := f.dialer.Dial(portforward.PortForwardProtocolV1Name)
	if err != nil {
		f.err = err
		return nil, err
	}
	f.open = opened
	return opened, nil
}

// close closes the way to the pod.
func (f *forwarder) close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.open == nil {
		return f.err
	}
	return errors.Join(f.err, f.open.Close())
}

// forward takes connections until ctx ends.
func (f *forwarder) forward(ctx context.Context, listener net.Listener) error {
	var carried sync.WaitGroup
	end := context.AfterFunc(ctx, func() { _ = listener.Close() }) // Accept says so.
	defer end()
	for {
		local, err := listener.Accept()
		if err != nil {
			if ctx.Err() != nil {
				err = nil // the listener was closed for that
			}
			err = errors.Join(err, f.close())
			carried.Wait()
			return err
		}
		carried.Go(func() { f.carry(ctx, local) })
	}
}

// carry carries one connection. What breaks it breaks it for the client, who says so.
func (f *forwarder) carry(ctx context.Context, local net.Conn) {
	defer func() { _ = local.Close() }() // Harmless: nobody uses it any more.
	end := context.AfterFunc(ctx, func() { _ = local.Close() })
	defer end()
	dataStream, done, err := f.streams()
	if err != nil {
		return
	}
	defer done()
	received := make(chan struct{})
	go func() {
		defer close(received)
		_, _ = io.Copy(local, dataStream)
	}()
	sent := make(chan error, 1)
	go func() {
		_, err := io.Copy(dataStream, local)
		_ = dataStream.Close() // The pod's end says what becomes of it.
		sent <- err
	}()
	select {
	case <-received:
	case err := <-sent:
		if err == nil {
			<-received
		}
	}
}

// streams opens what one connection needs: a stream for its bytes, and one by which the
// pod's side says what failed, which the client sees for itself. done gives both up.
func (f *forwarder) streams() (dataStream httpstream.Stream, done func(), err error) {
	way, err := f.connection()
	if err != nil {
		return nil, nil, err
	}
	f.mu.Lock()
	f.last++
	id := f.last
	f.mu.Unlock()
	header := http.Header{}
	header.Set(corev1.PortHeader, f.port)
	header.Set(corev1.PortForwardRequestIDHeader, strconv.Itoa(id))
	header.Set(corev1.StreamType, corev1.StreamTypeError)
	errorStream, err := way.CreateStream(header)
	if err != nil {
		return nil, nil, fmt.Errorf("open a stream to port %s of the pod: %w", f.port, err)
	}
	_ = errorStream.Close() // Nothing is written to it.
	header.Set(corev1.StreamType, corev1.StreamTypeData)
	if dataStream, err = way.CreateStream(header); err != nil {
		way.RemoveStreams(errorStream)
		return nil, nil, fmt.Errorf("open a stream to port %s of the pod: %w", f.port, err)
	}
	return dataStream, func() {
		// What was not taken must not hold up the others.
		_, _ = dataStream.Reset(), errorStream.Reset()
		way.RemoveStreams(errorStream, dataStream)
	}, nil
}
