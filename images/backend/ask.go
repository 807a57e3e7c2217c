package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"time"
)

// dialTimeout bounds how long a connection may take to be accepted.
const dialTimeout = 3 * time.Second

// outcome is what became of a request that ask sent.
type outcome struct {
	// Status and Body are the answer's.
	Status int    `json:"status,omitempty"`
	Body   string `json:"body,omitempty"`
	// Headers are the answer's, where it answers a question.
	Headers http.Header `json:"headers,omitempty"`
	// Names are those of the certificate that the other side showed.
	Names []string `json:"names,omitempty"`
	// Error says why there is none.
	Error string `json:"error,omitempty"`
	// Milliseconds is how long it took.
	Milliseconds int64 `json:"milliseconds"`
}

// ask sends one request, on a connection of its own and as a client that is in
// this pod, and prints its outcome as a line of JSON:
//
//	backend ask -method PUT -id 17 -timeout 2s http://other/path
func ask(args []string) error {
	flags := flag.NewFlagSet("ask", flag.ExitOnError)
	method := flags.String("method", http.MethodGet, "method of the request")
	id := flags.String("id", "", "value of the header "+idHeader)
	timeout := flags.Duration("timeout", forwardTimeout, "how long it may take")
	// ExitOnError: it does not return one.
	_ = flags.Parse(args)
	if flags.NArg() != 1 {
		return fmt.Errorf("ask: want one URL, got %d", flags.NArg())
	}
	request, err := http.NewRequestWithContext(context.Background(), *method, flags.Arg(0), http.NoBody)
	if err != nil {
		return fmt.Errorf("ask: %w", err)
	}
	if *id != "" {
		request.Header.Set(idHeader, *id)
	}
	o := send(request, *timeout, &http.Transport{})
	o.Headers = nil
	return json.NewEncoder(os.Stdout).Encode(o)
}

// send sends a request on a connection of its own, once.
func send(request *http.Request, timeout time.Duration, transport *http.Transport) outcome {
	started := time.Now()
	transport.DisableKeepAlives, transport.DialContext = true, (&net.Dialer{Timeout: dialTimeout}).DialContext
	client := &http.Client{
		Timeout: timeout, Transport: transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	o := outcome{}
	response, err := client.Do(request)
	if err == nil {
		var body []byte
		body, err = io.ReadAll(io.LimitReader(response.Body, maxBody))
		o.Status, o.Body, o.Headers = response.StatusCode, string(body), response.Header
		maps.Copy(o.Headers, response.Trailer)
		if response.TLS != nil {
			o.Names = response.TLS.PeerCertificates[0].DNSNames
		}
		// The body is read as far as it came.
		_ = response.Body.Close()
	}
	if err != nil {
		o.Error = err.Error()
	}
	o.Milliseconds = time.Since(started).Milliseconds()
	return o
}
