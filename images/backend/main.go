// Command backend is the service behind the gateway in the harness's tests. It
// says who it is and what reached it, and misbehaves when a request asks for it;
// order.go lists how. It speaks
//
//	8080, 8082, 8083, 8084   HTTP/1.1, cleartext HTTP/2 and, at /ws, WebSocket
//	8443                     the same over TLS, with a certificate of its own
//	9090                     gRPC
//	9000                     bytes over TCP
//	8081                     health, by HTTP/1.1 alone, apart from the traffic so that probes are not counted
//
// A request that carries the header x-conformance-id is written to standard
// output as one line of JSON: the backend's own count of what reached it.
//
// With the argument "collector" it is instead a receiver of traces by OTLP, see
// collector.go; with "ask" a client of one request, see ask.go. The running one
// sends traffic to others when it is ordered to, see flow.go, and asks what it is
// given, see questions.go. With HEALTH in its environment it has other ports, see
// standin.go.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

const (
	tlsAddress      = ":8443"
	grpcAddress     = ":9090"
	tcpAddress      = ":9000"
	healthAddress   = ":8081"
	shutdownTimeout = 10 * time.Second
	// headerTimeout also bounds how long a new connection may stay without its first
	// request. Envoy opens connections that it then has no request for, and keeps them
	// for an hour: a server that closes one just as it gets a request loses that request
	// (503 UC), and Istio would be blamed.
	headerTimeout = 2 * time.Hour
)

// trafficAddresses all behave the same: policies of one port must not act on
// another, and only several ports can show that.
var trafficAddresses = []string{":8080", ":8082", ":8083", ":8084"}

func main() {
	log.SetFlags(0)
	if len(os.Args) > 1 && os.Args[1] == "ask" {
		if err := ask(os.Args[2:]); err != nil {
			log.Fatal(err)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	run := serveTraffic
	if len(os.Args) > 1 && os.Args[1] == "collector" {
		run = serveCollector
	}
	err := run(ctx)
	stop()
	if err != nil {
		log.Fatal(err)
	}
}

// serveTraffic serves every protocol until ctx ends.
func serveTraffic(ctx context.Context) error {
	pod, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("read the host name: %w", err)
	}
	b := &backend{pod: pod, version: os.Getenv("VERSION"), log: os.Stdout}
	if b.certificate, err = newCertificate(pod); err != nil {
		return err
	}
	health := newHealth(crash)
	health.HandleFunc("GET /requests", b.requests.ServeHTTP)
	health.HandleFunc("POST /questions", serveQuestions)
	new(flows).register(health)
	traffic := misbehaving(pod, b)
	s := newServers(ctx)
	other, err := newStandIn(b)
	if err != nil {
		return err
	}
	if other != nil {
		other.serve(s, traffic, health)
		return s.wait(ctx)
	}
	for _, address := range trafficAddresses {
		s.http(address, traffic, nil)
	}
	s.http(tlsAddress, traffic, b.tlsConfig())
	s.grpc(grpcAddress, newGRPCServer(b))
	s.raw(tcpAddress, b.serveTCP)
	s.http(healthAddress, health, nil)
	return s.wait(ctx)
}

// crash ends the process as a fault of its own would.
func crash() { os.Exit(1) }

// servers are what listens; the first that fails ends all.
type servers struct {
	ctx  context.Context
	errs chan error
	stop []func(context.Context) error
}

func newServers(ctx context.Context) *servers {
	// Room for an error of each, so that none is stuck after the first was read.
	return &servers{ctx: ctx, errs: make(chan error, 16)}
}

// http serves HTTP/1.1 and HTTP/2, over TLS when there is a configuration.
func (s *servers) http(address string, handler http.Handler, secure *tlsConfig) {
	server := newHTTPServer(address, handler, secure)
	s.stop = append(s.stop, server.Shutdown)
	s.start(address, func() error {
		if secure != nil {
			return server.ListenAndServeTLS("", "")
		}
		return server.ListenAndServe()
	})
}

func newHTTPServer(address string, handler http.Handler, secure *tlsConfig) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(secure != nil)
	// Health is told in HTTP/1.1 alone, as many applications speak no other.
	protocols.SetUnencryptedHTTP2(secure == nil && address != healthAddress)
	return &http.Server{
		Addr: address, Handler: handler, Protocols: protocols, TLSConfig: secure, ReadHeaderTimeout: headerTimeout, MaxHeaderBytes: maxHeaderBytes,
	}
}

// raw hands every connection to serve, in a goroutine of its own.
func (s *servers) raw(address string, serve func(net.Conn)) {
	listener, err := new(net.ListenConfig).Listen(s.ctx, "tcp", address)
	if err != nil {
		s.errs <- err
		return
	}
	s.stop = append(s.stop, func(context.Context) error { return listener.Close() })
	s.start(address, func() error {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return err
			}
			go serve(connection)
		}
	})
}

// start runs a server; that it was closed is no failure.
func (s *servers) start(address string, serve func() error) {
	go func() {
		if err := serve(); err != nil && !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			s.errs <- fmt.Errorf("serve %s: %w", address, err)
		}
	}()
}

// wait returns when ctx ends and all servers have stopped, or one fails.
func (s *servers) wait(ctx context.Context) error {
	select {
	case err := <-s.errs:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	var errs []error
	for _, stop := range s.stop {
		errs = append(errs, stop(grace))
	}
	return errors.Join(errs...)
}
