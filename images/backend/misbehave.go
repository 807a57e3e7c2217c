package main

import (
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// misbehaving limits an order to some requests, and adds what an order's own
// answer cannot do:
//
//	?pod=backend-v1-abc      only the pod of this name carries the order out
//	?attempts=2              only the first two attempts of a request meet it
//	?abort=true              closes the connection instead of answering
//	?chunks=4&every=500ms    goes on after the body with four blanks, one every 500 ms
//
// To all other requests the pod answers as if nothing was ordered.
func misbehaving(pod string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		if !concerns(pod, r.Header.Get("x-envoy-attempt-count"), query) {
			next.ServeHTTP(w, obedient(r, query))
			return
		}
		if query.Get("abort") != "" {
			w = aborting{w}
		}
		next.ServeHTTP(w, r)
		if err := trickle(w, r, query); err != nil {
			// The head is out already: breaking off is the only way left to say it.
			panic(http.ErrAbortHandler)
		}
	})
}

// concerns says whether this pod carries the order out at this attempt. What
// cannot be read is left to who parses the order, to refuse it.
func concerns(pod, attempt string, query url.Values) bool {
	if name := query.Get("pod"); name != "" && name != pod {
		return false
	}
	limit, err := strconv.Atoi(query.Get("attempts"))
	if err != nil {
		return true
	}
	n, err := strconv.Atoi(attempt)
	return err != nil || n <= limit
}

// obedient returns the request without its orders.
func obedient(r *http.Request, query url.Values) *http.Request {
	for _, name := range []string{"status", "delay", "abort", "chunks"} {
		query.Del(name)
	}
	plain := r.Clone(r.Context())
	plain.URL.RawQuery = query.Encode()
	return plain
}

// aborting closes the connection as soon as the answer would begin, after the
// request was logged.
type aborting struct{ http.ResponseWriter }

func (aborting) WriteHeader(int) { panic(http.ErrAbortHandler) }

// trickle sends the blanks after the body; a JSON document may end with some.
func trickle(w http.ResponseWriter, r *http.Request, query url.Values) error {
	if query.Get("chunks") == "" {
		return nil
	}
	chunks, err := strconv.Atoi(query.Get("chunks"))
	if err != nil {
		return err
	}
	every, err := time.ParseDuration(query.Get("every"))
	if err != nil {
		return err
	}
	control := http.NewResponseController(w)
	for range chunks {
		if err := control.Flush(); err != nil {
			return err
		}
		if !wait(r.Context(), every) {
			return nil
		}
		if _, err := w.Write([]byte(" ")); err != nil {
			return err
		}
	}
	return nil
}
