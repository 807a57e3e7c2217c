package kit

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/traffic/probe"
)

// Parallel is how many requests of a Bulk are in flight: enough to be quick, few
// enough that two cores answer each within its time.
const Parallel = 8

// Send sends one request through the gateway's node port. The target is a path
// with its query; the route gives URL and Host, unless the request names a host.
func (r Route) Send(ctx context.Context, target string, request probe.Request) probe.Response {
	return probe.HTTP(ctx, r.complete(target, request))
}

// complete fills in what all requests through the route have in common.
func (r Route) complete(target string, request probe.Request) probe.Request {
	request.URL = r.stack.GatewayURL() + target
	if request.Host == "" {
		request.Host = r.Host
	}
	if request.Timeout == 0 {
		request.Timeout = RequestTimeout
	}
	return request
}

// Bulk sends n requests, Parallel of them at a time and each on a connection of
// its own. headers may be nil.
func (r Route) Bulk(ctx context.Context, target string, n int, headers func(i int) http.Header) []probe.Response {
	responses := make([]probe.Response, n)
	var next atomic.Int64
	var wait sync.WaitGroup
	for range min(n, Parallel) {
		wait.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				request := probe.Request{}
				if headers != nil {
					request.Headers = headers(i)
				}
				responses[i] = r.Send(ctx, target, request)
			}
		})
	}
	wait.Wait()
	return responses
}

// MustAnswer asserts that each response is the backend's with status 200, and
// returns how many each pod and each version gave.
func MustAnswer(t *check.T, responses []probe.Response) (pods, versions map[string]int) {
	t.Helper()
	pods, versions = map[string]int{}, map[string]int{}
	for i, response := range responses {
		t.Expect(response.Status).To(gomega.Equal(http.StatusOK), "request %d of %d: %s", i+1, len(responses), response)
		a := ParseAnswer(t, response)
		pods[a.Pod]++
		versions[a.Version]++
	}
	return pods, versions
}

// Session is a client of a route whose requests share connections.
type Session struct {
	route   Route
	session *probe.Session
}

// OneConnection returns a client whose requests go over one HTTP/2 connection, so
// that one thread of the gateway handles them all: limits of connections and the
// order of balancing are each thread's own. It ends with the check.
func (r Route) OneConnection(ctx context.Context, t *check.T) Session {
	t.Helper()
	s := Session{r, probe.NewSession(probe.Request{HTTP2: true})}
	t.Cleanup(s.session.Close)
	// The first request opens the connection: later ones at once share it.
	first := s.Get(ctx, "/", nil)
	t.Expect(first.Status).To(gomega.Equal(http.StatusOK), "the first request of an HTTP/2 connection: %s", first)
	return s
}

// Get sends one request over the session's connection.
func (s Session) Get(ctx context.Context, target string, header http.Header) probe.Response {
	return s.session.HTTP(ctx, s.route.complete(target, probe.Request{Headers: header}))
}

// Held is a request whose response is still to come.
type Held struct{ response chan probe.Response }

// holdTimeout bounds a request that is held: longer than any check holds one.
const holdTimeout = 2 * time.Minute

// Hold sends a request and does not wait for its response. The end of ctx ends it.
func (s Session) Hold(ctx context.Context, target string, header http.Header) Held {
	h := Held{make(chan probe.Response, 1)}
	go func() {
		h.response <- s.session.HTTP(ctx, s.route.complete(target, probe.Request{Headers: header, Timeout: holdTimeout}))
	}()
	return h
}

// Response waits for it.
func (h Held) Response() probe.Response { return <-h.response }
