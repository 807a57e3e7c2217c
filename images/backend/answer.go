package main

import (
	"encoding/json"
	"net/http"
	"sync"
)

// idHeader marks the requests that are logged.
const idHeader = "x-conformance-id"

// Answer is the body of every response and the line of the log.
type Answer struct {
	// ID repeats the request's x-conformance-id.
	ID string `json:"id,omitempty"`
	// Pod is the name of the pod that answers.
	Pod string `json:"pod"`
	// Version is the VERSION of its environment.
	Version string `json:"version,omitempty"`
	// Status is the status it answers with; of gRPC, the code.
	Status int `json:"status"`
	// Attempt is the request's x-envoy-attempt-count; 0 when it has none.
	Attempt int `json:"attempt"`
	// Method, Host and Path are the request's; Path as it was on the wire.
	Method string `json:"method"`
	Host   string `json:"host"`
	Path   string `json:"path"`
	// Protocol is the request's: HTTP/1.1, HTTP/2.0, WebSocket, gRPC or TCP.
	Protocol string `json:"protocol"`
	// Port is the port that it came in by.
	Port int `json:"port,omitempty"`
	// Headers and Trailers are the request's; of gRPC, the metadata.
	Headers  http.Header `json:"headers,omitempty"`
	Trailers http.Header `json:"trailers,omitempty"`
	// Bytes and SHA256 are of the request's body, as far as it came; BodyError
	// says why it did not come whole.
	Bytes     int64  `json:"bytes,omitempty"`
	SHA256    string `json:"sha256,omitempty"`
	BodyError string `json:"bodyError,omitempty"`
	// Messages counts what came by a stream or a WebSocket.
	Messages int `json:"messages,omitempty"`
	// ServerName is what the client asked for in TLS that ends here; Certificate
	// is the SHA-256 of the certificate that it was shown.
	ServerName  string `json:"serverName,omitempty"`
	Certificate string `json:"certificate,omitempty"`
	// Padding makes the response as large as it was ordered; it is not logged.
	Padding string `json:"padding,omitempty"`
}

// backend answers every request with an Answer.
type backend struct {
	pod, version string
	certificate  certificate
	requests     requests

	mu  sync.Mutex // of log
	log interface{ Write([]byte) (int, error) }
}

// answer begins an Answer of this pod.
func (b *backend) answer() Answer { return Answer{Pod: b.pod, Version: b.version} }

// record writes the line of a request that carries an id.
func (b *backend) record(a Answer) error {
	if a.ID == "" {
		return nil
	}
	line, err := json.Marshal(a)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	_, err = b.log.Write(append(line, '\n'))
	return err
}
