package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	// maxHeaderBytes is above every limit of a proxy before the backend, so that
	// a request that is refused was refused by the proxy.
	maxHeaderBytes = 4 << 20
	// maxBody bounds what is read of a request's body.
	maxBody = 64 << 20
)

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.requests.receive(r)
	if r.URL.Path == "/ws" {
		b.serveWebSocket(w, r)
		return
	}
	order, err := parseOrder(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	answer := b.describe(r)
	answer.Status, answer.Attempt = order.status, order.attempt
	answer.readBody(r)
	// The line is written before the delay: a request that a time-out cuts off has still arrived.
	if err := b.record(answer); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if !wait(r.Context(), order.delay) {
		return
	}
	answer.Padding = strings.Repeat("x", order.size)
	body, err := json.Marshal(answer)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if order.header > 0 {
		w.Header().Set("X-Padding", strings.Repeat("x", order.header))
	}
	w.WriteHeader(order.status)
	if _, err := w.Write(body); err != nil {
		log.Printf("answer %s: %v", r.RemoteAddr, err)
	}
	if order.trailer != "" {
		// Announced by nothing, so that it comes as a trailer of a chunked body.
		w.Header().Set(http.TrailerPrefix+"X-Trailer", order.trailer)
	}
}

// describe begins the answer to a request with what its head says.
func (b *backend) describe(r *http.Request) Answer {
	a := b.answer()
	a.ID, a.Method, a.Host, a.Path, a.Protocol, a.Headers = r.Header.Get(idHeader), r.Method, r.Host, r.RequestURI, r.Proto, r.Header
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		a.Port = local.Port
	}
	if r.TLS != nil {
		a.ServerName, a.Certificate = r.TLS.ServerName, b.certificate.sha256
	}
	return a
}

// readBody reads the request's body to its end, and its trailers.
func (a *Answer) readBody(r *http.Request) {
	hash := sha256.New()
	var err error
	if a.Bytes, err = io.Copy(hash, io.LimitReader(r.Body, maxBody)); err != nil {
		a.BodyError = err.Error()
	}
	if a.Bytes > 0 {
		a.SHA256 = hex.EncodeToString(hash.Sum(nil))
	}
	a.Trailers = r.Trailer
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
