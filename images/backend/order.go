package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// order is how a request wants to be answered:
//
//	?status=503&attempts=2   answers 503 to the first two attempts of a request
//	?status=503              answers 503 to every attempt
//	?delay=3s                waits before it answers
//	?size=1000               adds so many bytes to the answer's body
//	?header=1000             adds a header X-Padding of so many bytes
//	?trailer=done            ends the body with a trailer X-Trailer
type order struct {
	status, attempt, size, header int
	trailer                       string
	delay                         time.Duration
}

// maxPadding bounds size and header, in bytes.
const maxPadding = 16 << 20

// parseOrder reads the order from the query, and the attempt from the header
// that Envoy sets on requests it may retry.
func parseOrder(r *http.Request) (order, error) {
	query := r.URL.Query()
	o := order{status: http.StatusOK, trailer: query.Get("trailer")}
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
	for name, value := range map[string]*int{"size": &o.size, "header": &o.header} {
		if *value, err = parsePadding(query.Get(name)); err != nil {
			return o, fmt.Errorf("%s: %w", name, err)
		}
	}
	return o, o.parseStatus(query)
}

// parsePadding reads a number of bytes; none is 0.
func parsePadding(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(s)
	if err == nil && (n < 0 || n > maxPadding) {
		err = fmt.Errorf("want 0 to %d, got %d", maxPadding, n)
	}
	return n, err
}

// parseStatus decides with which status this attempt is answered.
func (o *order) parseStatus(query url.Values) error {
	if query.Get("status") == "" {
		return nil
	}
	status, err := strconv.Atoi(query.Get("status"))
	if err != nil || status < 200 || status > 599 {
		return fmt.Errorf("status: want 200 to 599, got %q", query.Get("status"))
	}
	failing := true
	if attempts := query.Get("attempts"); attempts != "" {
		limit, err := strconv.Atoi(attempts)
		if err != nil {
			return fmt.Errorf("attempts: %w", err)
		}
		failing = o.attempt <= limit
	}
	if failing {
		o.status = status
	}
	return nil
}
