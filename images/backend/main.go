// Command backend is the service behind the gateway in the harness's tests. It
// says who it is and what reached it, and misbehaves when a request asks for it:
//
//	?status=503&attempts=2   answers 503 to the first two attempts of a request
//	?status=503              answers 503 to every attempt
//	?delay=3s                waits before it answers
//
// A request that carries the header x-conformance-id is written to standard
// output as one line of JSON: the backend's own count of what reached it.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	trafficAddress = ":8080"
	// healthAddress is apart from the traffic, so that probes are not counted.
	healthAddress   = ":8081"
	shutdownTimeout = 10 * time.Second
	headerTimeout   = 10 * time.Second
)

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

// run serves until a signal ends it.
func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	pod, err := os.Hostname()
	if err != nil {
		return fmt.Errorf("read the host name: %w", err)
	}
	health := http.NewServeMux()
	b := &backend{pod: pod, version: os.Getenv("VERSION"), log: os.Stdout}
	health.HandleFunc("GET /requests", b.requests.ServeHTTP)
	health.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	errs := make(chan error, 2)
	traffic := serve(trafficAddress, b, errs)
	probes := serve(healthAddress, health, errs)
	select {
	case err := <-errs:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	return errors.Join(traffic.Shutdown(grace), probes.Shutdown(grace))
}

// serve starts an HTTP/1.1 and cleartext HTTP/2 server; a failure goes to errs.
func serve(address string, handler http.Handler, errs chan<- error) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Addr: address, Handler: handler, Protocols: protocols, ReadHeaderTimeout: headerTimeout}
	go func() {
		if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
			errs <- fmt.Errorf("serve %s: %w", address, err)
		}
	}()
	return server
}

// backend answers every request with an Answer.
type backend struct {
	pod, version string
	log          interface{ Write([]byte) (int, error) }
	requests     requests
}

// requests counts what was received, for GET /requests beside the traffic: who
// sends many has a second witness without a line for each.
type requests struct {
	all, mutualTLS atomic.Int64
}

// receive counts a request. Those that came over mutual TLS carry the header in
// which the pod's sidecar names the client.
func (c *requests) receive(r *http.Request) {
	c.all.Add(1)
	if r.Header.Get("x-forwarded-client-cert") != "" {
		c.mutualTLS.Add(1)
	}
}

func (c *requests) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if _, err := fmt.Fprintf(w, `{"all":%d,"mutualTLS":%d}`+"\n", c.all.Load(), c.mutualTLS.Load()); err != nil {
		log.Printf("answer a count: %v", err)
	}
}

// Answer is the body of every response and the line of the log.
type Answer struct {
	// ID repeats the request's x-conformance-id.
	ID string `json:"id,omitempty"`
	// Pod is the name of the pod that answers.
	Pod string `json:"pod"`
	// Version is the VERSION of its environment.
	Version string `json:"version,omitempty"`
	// Status is the status it answers with.
	Status int `json:"status"`
	// Attempt is the request's x-envoy-attempt-count; 0 when it has none.
	Attempt int `json:"attempt"`
	// Method, Host and Path are the request's.
	Method string `json:"method"`
	Host   string `json:"host"`
	Path   string `json:"path"`
	// Protocol is the request's, such as HTTP/1.1.
	Protocol string `json:"protocol"`
	// Headers are the request's.
	Headers http.Header `json:"headers"`
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.requests.receive(r)
	order, err := parseOrder(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	// The line is written before the delay: a request that a time-out cuts off has still arrived.
	answer := Answer{
		ID: r.Header.Get("x-conformance-id"), Pod: b.pod, Version: b.version, Status: order.status, Attempt: order.attempt,
		Method: r.Method, Host: r.Host, Path: r.URL.RequestURI(), Protocol: r.Proto, Headers: r.Header,
	}
	body, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if answer.ID != "" {
		if _, err := b.log.Write(append(body, '\n')); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
	}
	if !wait(r.Context(), order.delay) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(order.status)
	if _, err := w.Write(body); err != nil {
		log.Printf("answer %s: %v", r.RemoteAddr, err)
	}
}

// order is how a request wants to be answered.
type order struct {
	status, attempt int
	delay           time.Duration
}

// parseOrder reads status, attempts and delay from the query, and the attempt
// from the header that Envoy sets on requests it may retry.
func parseOrder(r *http.Request) (order, error) {
	o := order{status: http.StatusOK}
	query := r.URL.Query()
	var err error
	if count := r.Header.Get("x-envoy-attempt-count"); count != "" {
		if o.attempt, err = strconv.Atoi(count); err != nil {
			return o, fmt.Errorf("x-envoy-attempt-count: %w", err)
		}
	}
	if delay := query.Get("delay"); delay != "" {
		if o.delay, err = time.ParseDuration(delay); err != nil {
			return o, fmt.Errorf("delay: %w", err)
		}
	}
	if query.Get("status") == "" {
		return o, nil
	}
	status, err := strconv.Atoi(query.Get("status"))
	if err != nil || status < 200 || status > 599 {
		return o, fmt.Errorf("status: want 200 to 599, got %q", query.Get("status"))
	}
	failing := true
	if attempts := query.Get("attempts"); attempts != "" {
		limit, err := strconv.Atoi(attempts)
		if err != nil {
			return o, fmt.Errorf("attempts: %w", err)
		}
		failing = o.attempt <= limit
	}
	if failing {
		o.status = status
	}
	return o, nil
}

// wait returns false when the caller went away first.
func wait(ctx context.Context, delay time.Duration) bool {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
