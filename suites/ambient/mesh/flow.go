package mesh

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
)

// Flow is traffic that a pod sends in the background; see images/backend/flow.go.
type Flow struct {
	pod  Pod
	name string
}

// Report is what became of a flow.
type Report struct {
	// Sent counts requests, or lines on a connection, that were answered; Failed those
	// that were not.
	Sent   int `json:"sent"`
	Failed int `json:"failed"`
	// Open counts connections that are kept and still work.
	Open int `json:"open"`
	// SlowestMilliseconds is the longest time that an answer took.
	SlowestMilliseconds int64 `json:"slowestMilliseconds"`
	// Failures are the first ones.
	Failures []struct {
		At    time.Time `json:"at"`
		Error string    `json:"error"`
	} `json:"failures"`
}

// String is the report in one line.
func (r Report) String() string {
	text := fmt.Sprintf("%d answered, the slowest after %d ms, %d failed", r.Sent, r.SlowestMilliseconds, r.Failed)
	var all []string
	for _, f := range r.Failures {
		all = append(all, f.At.Format("15:04:05.000")+" "+f.Error)
	}
	if len(all) > 5 {
		all = append(all[:5], "...")
	}
	if len(all) > 0 {
		text += ": " + strings.Join(all, "; ")
	}
	return text
}

// flowPause is between two requests of one worker.
const flowPause = 50 * time.Millisecond

// StartRequests has the pod send requests to a URL, each on a connection of its own,
// and waits until the first are answered.
func (p Pod) StartRequests(ctx context.Context, t *check.T, target string) Flow {
	t.Helper()
	return p.start(ctx, t, "requests", target, 2)
}

// KeepConnections has the pod keep so many connections to the TCP port of another
// pod's Service, with lines that go to and fro, and waits until these are answered.
// A connection that breaks is not opened again. The name is unique to the pod.
func (p Pod) KeepConnections(ctx context.Context, t *check.T, name string, server Pod, n int) Flow {
	t.Helper()
	return p.start(ctx, t, name, fmt.Sprintf("tcp://%s:%d", server.Host(), TCP), n)
}

func (p Pod) start(ctx context.Context, t *check.T, name, target string, workers int) Flow {
	t.Helper()
	f := Flow{p, name}
	query := url.Values{"url": {target}, "every": {flowPause.String()}, "workers": {strconv.Itoa(workers)}}
	_, err := f.order(ctx, "PUT", "?"+query.Encode())
	t.Expect(err).NotTo(gomega.HaveOccurred())
	f.MustGoOn(ctx, t, 10)
	return f
}

// order sends an order about the flow to its pod, from inside the pod: no proxy is
// in between.
func (f Flow) order(ctx context.Context, method, query string) (Report, error) {
	o, err := f.pod.Ask(ctx, method, "http://127.0.0.1:8081/flows/"+f.name+query)
	if err != nil {
		return Report{}, err
	}
	if o.Error != "" || o.Status >= 300 {
		return Report{}, fmt.Errorf("flow %s of pod %s: %s", f.name, f.pod.Name, o)
	}
	var r Report
	if o.Body != "" {
		err = json.Unmarshal([]byte(o.Body), &r)
	}
	return r, err
}

// Report is what became of the flow so far.
func (f Flow) Report(ctx context.Context, t *check.T) Report {
	t.Helper()
	r, err := f.order(ctx, "GET", "")
	t.Expect(err).NotTo(gomega.HaveOccurred())
	return r
}

// MustGoOn waits until so many more requests or lines are answered.
func (f Flow) MustGoOn(ctx context.Context, t *check.T, more int) {
	t.Helper()
	before := f.Report(ctx, t).Sent
	var last Report
	t.Eventually(ctx, func() (int, error) {
		var err error
		last, err = f.order(ctx, "GET", "")
		return last.Sent, err
	}).Should(gomega.BeNumerically(">=", before+more), func() string { return "answers to " + f.name + " of pod " + f.pod.Name + ": " + last.String() })
}

// Stop ends the flow and returns what became of it.
func (f Flow) Stop(ctx context.Context, t *check.T) Report {
	t.Helper()
	r, err := f.order(ctx, "DELETE", "")
	t.Expect(err).NotTo(gomega.HaveOccurred())
	return r
}
