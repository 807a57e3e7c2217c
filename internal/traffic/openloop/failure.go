package openloop

import (
	"net/netip"
	"time"

	"istio-conformance/internal/traffic/openloop/codec"
)

const (
	// failuresKept bounds how many are kept of each worker: the first ones explain.
	failuresKept = 10
	// receivedKept bounds what is kept of an answer, in bytes: its head says whose it is.
	receivedKept = 600
)

// Failure is one request that failed, as its client saw it. The proxies it passed
// may have logged nothing of it: the port it came from finds it in what the network
// saw, and an answer's head tells who made it.
type Failure struct {
	// Class is as in Result.Errors.
	Class string `json:"class"`
	// Due is when the schedule wanted it sent, Sent when it was or, where no
	// connection could be made, when that began; Failed is when it was given up.
	Due    time.Time `json:"due"`
	Sent   time.Time `json:"sent"`
	Failed time.Time `json:"failed"`
	// From is the local address and port of its connection; invalid without one.
	From netip.AddrPort `json:"from,omitzero"`
	// Received is the beginning of what came back last, of HTTP/1.1.
	Received string `json:"received,omitempty"`
}

// note keeps one of the connection's requests that failed.
func (c *conn) note(t *codec.Ticket, class string) {
	w := c.worker
	if len(w.failures) == failuresKept || t.Intended < w.recorder.warmup {
		return
	}
	f := Failure{Class: class, Due: w.plan.start.Add(t.Intended), Sent: w.plan.start.Add(t.Sent), Failed: time.Now()}
	if c.state == open {
		f.From = c.link.socket.from
		if w.plan.config.Path.Protocol == HTTP1 {
			f.Received = string(c.in[:min(c.have, receivedKept)])
		}
	}
	w.failures = append(w.failures, f)
}
