package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"istio-conformance/internal/traffic/openloop"
)

// counted is a histogram for several threads.
type counted struct {
	mu sync.Mutex
	h  *openloop.Histogram
}

func (c *counted) record(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.h.Record(d)
}

func (c *counted) take() *openloop.Histogram {
	c.mu.Lock()
	defer c.mu.Unlock()
	h := c.h
	c.h = openloop.NewHistogram()
	return h
}

// runStub is the stub's process.
func runStub(args []string) error {
	flags := flag.NewFlagSet(stubCommand, flag.ContinueOnError)
	stallAt := flags.Int("stall-at", 0, "the number of the request at which everything stalls for a second; 0 means never")
	if err := flags.Parse(args); err != nil {
		return err
	}
	listener, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	held := &counted{h: openloop.NewHistogram()}
	go accept(listener, held, &staller{at: *stallAt})
	scanner := bufio.NewScanner(os.Stdin)
	encoder := json.NewEncoder(os.Stdout)
	for scanner.Scan() {
		if err := encoder.Encode(held.take()); err != nil {
			return err
		}
	}
	return errors.Join(scanner.Err(), listener.Close())
}

func accept(listener net.Listener, held *counted, s *staller) {
	for {
		c, err := listener.Accept()
		if err != nil {
			return // the process ends
		}
		go func() {
			if err := answer(c.(*net.TCPConn), held, s); err != nil {
				fmt.Fprintln(os.Stderr, "stub:", err)
			}
		}()
	}
}

// staller holds every request for a second once.
type staller struct {
	mu   sync.Mutex
	seen int
	at   int
}

func (s *staller) wait() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen++; s.seen == s.at {
		return sleep(time.Second)
	}
	return nil
}

var response = []byte("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")

// answer serves one connection on one thread, without Go's poller.
func answer(c *net.TCPConn, held *counted, s *staller) error {
	// Never unlocked: the thread ends with its priority, which keeps what else the
	// machine does from being a part of the delay that is to be known.
	runtime.LockOSThread()
	openloop.Realtime()
	file, err := c.File() // a blocking duplicate
	if err != nil {
		return err
	}
	if err := c.Close(); err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // Harmless: the peer has gone.
	fd := blockingSocket(file.Fd())
	buffer := make([]byte, 8192)
	for {
		n, err := fd.Read(buffer)
		if err != nil || n == 0 {
			return nil // the peer has gone
		}
		arrived := time.Now()
		if err := hold(buffer[:n], s); err != nil {
			return err
		}
		held.record(time.Since(arrived))
		if _, err := fd.Write(response); err != nil {
			return nil // the peer has gone
		}
	}
}

// blockingSocket is a descriptor that is read and written on the thread itself.
type blockingSocket int

func (s blockingSocket) Read(b []byte) (int, error) {
	for {
		if n, err := unix.Read(int(s), b); !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

func (s blockingSocket) Write(b []byte) (int, error) {
	for {
		if n, err := unix.Write(int(s), b); !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// hold waits for as long as the request's query says.
func hold(request []byte, s *staller) error {
	if err := s.wait(); err != nil {
		return err
	}
	_, query, found := bytes.Cut(request[:bytes.IndexByte(request, '\r')], []byte("?"))
	if !found {
		return nil
	}
	text, _, _ := bytes.Cut(query, []byte(" "))
	nanos, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || nanos == 0 {
		return err
	}
	return sleep(time.Duration(nanos))
}

// sleep waits with the precision of the kernel's timers, which Go's have not.
func sleep(d time.Duration) error {
	if d <= 0 {
		return nil
	}
	spec := unix.NsecToTimespec(int64(d))
	for {
		err := unix.ClockNanosleep(unix.CLOCK_MONOTONIC, 0, &spec, &spec)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
