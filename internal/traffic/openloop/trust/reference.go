package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"time"

	"istio-conformance/internal/traffic/openloop"
)

// reference measures in the plainest way there is: a thread for each connection
// that waits for its time, writes, and waits for the answer in the kernel. It is
// no load generator (a late answer delays the next request), but between the
// two times it takes, there is nothing but the kernel and the server.
func reference(ctx context.Context, url string, s openloop.Schedule, connections int) (*openloop.Histogram, error) {
	address, path, _ := strings.Cut(strings.TrimPrefix(url, "http://"), "/")
	request := []byte(fmt.Sprintf("GET /%s HTTP/1.1\r\nHost: stub\r\n\r\n", path))
	service := &counted{h: openloop.NewHistogram()}
	errs := make([]error, connections)
	var wg sync.WaitGroup
	start := time.Now().Add(20 * time.Millisecond)
	for i := range connections {
		wg.Go(func() {
			for k := int64(i); k < s.Count() && errs[i] == nil && ctx.Err() == nil; {
				errs[i] = exchanges(address, request, start, s, &k, int64(connections), service)
			}
		})
	}
	wg.Wait()
	return service.take(), errors.Join(errs...)
}

// exchanges sends requests k, k+step, ... over one connection.
func exchanges(address string, request []byte, start time.Time, s openloop.Schedule, k *int64, step int64, service *counted) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	connection, err := net.Dial("tcp", address) //nolint:noctx // The loopback refuses at once or not at all.
	if err != nil {
		return err
	}
	file, err := connection.(*net.TCPConn).File()
	if err := errors.Join(err, connection.Close()); err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // Harmless: every answer is counted.
	blocking := blockingSocket(file.Fd())
	buffer := make([]byte, 4096)
	for ; *k < s.Count(); *k += step {
		if err := sleep(time.Until(start.Add(s.At(*k)))); err != nil {
			return err
		}
		sent := time.Now()
		if _, err := blocking.Write(request); err != nil {
			return err
		}
		if n, err := blocking.Read(buffer); err != nil || n == 0 {
			return errors.Join(err, io.ErrUnexpectedEOF)
		}
		if s.At(*k) >= s.Warmup {
			service.record(time.Since(sent))
		}
	}
	return nil
}
