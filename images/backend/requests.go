package main

import (
	"fmt"
	"log"
	"net/http"
	"sync/atomic"
)

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
