package protocols

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(trailers)

// trailers sends and orders trailers.
func trailers(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "trailers",
		Parallel: true,
		Promise:  "trailers of HTTP/2 pass the gateway in both directions; a chunked request of HTTP/1.1 with trailers arrives whole",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "versions", nil)
			diagnose := func(cause string) {
				t.Diagnose(cause, "look for the request in the gateway's access log in the evidence", docs)
			}
			diagnose("the gateway does not answer a request of HTTP/2 that has a trailer")
			id, _ := kit.Mark()
			trailer, status, err := exchangeTrailers(ctx, s, r.Host, "/h2?trailer=done&id="+id, id)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(status).To(gomega.Equal(200))
			diagnose("the gateway drops trailers of HTTP/2, on which gRPC stands")
			t.Expect(trailer.Get("X-Trailer")).To(gomega.Equal("done"), "trailer of the answer")
			var arrived []kit.Answer
			t.Eventually(ctx, func() ([]kit.Answer, error) {
				arrived, err = kit.BackendLog(ctx, s, id)
				return arrived, err
			}).Should(gomega.HaveLen(1), "the backend's own log")
			t.Expect(arrived[0].Trailers).To(gomega.HaveKeyWithValue("X-Sum", []string{"42"}), "trailer of the request in the backend's own log")
			diagnose("the gateway drops the body before a trailer of HTTP/2")
			t.Expect(arrived[0].Bytes).To(gomega.BeNumerically("==", len(trailedBody)), "bytes of the request in the backend's own log")
			t.Observe("HTTP/2: trailers X-Sum up and X-Trailer down")

			diagnose("the gateway does not carry a chunked request of HTTP/1.1 with a trailer whole")
			id, _ = kit.Mark()
			raw := "POST /h1?id=" + id + " HTTP/1.1\r\nHost: " + r.Host + "\r\nX-Conformance-Id: " + id +
				"\r\nTE: trailers\r\nTrailer: X-Sum\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 42\r\n\r\n"
			result, err := probe.Raw(ctx, strings.TrimPrefix(s.GatewayURL(), "http://"), []byte(raw), kit.RequestTimeout)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(result.Statuses).To(gomega.Equal([]int{200}), "%s", result)
			t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).
				Should(gomega.ConsistOf(gomega.HaveField("Bytes", gomega.BeNumerically("==", 5))), "the backend's own log")
			t.Observe("HTTP/1.1: the chunked body before a trailer arrived whole")
		},
	}
}

const trailedBody = "a body with a trailer"

// exchangeTrailers posts a body with a trailer over cleartext HTTP/2 and returns
// the answer's trailers.
func exchangeTrailers(ctx context.Context, s *stack.Stack, host, target, id string) (http.Header, int, error) {
	ctx, cancel := context.WithTimeout(ctx, kit.RequestTimeout)
	defer cancel()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols, DisableCompression: true, DialContext: new(net.Dialer).DialContext}
	defer transport.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.GatewayURL()+target, io.NopCloser(strings.NewReader(trailedBody)))
	if err != nil {
		return nil, 0, err
	}
	request.Host, request.ContentLength = host, -1
	request.Header.Set("X-Conformance-Id", id)
	request.Trailer = http.Header{"X-Sum": {"42"}}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, 0, err
	}
	defer func() { _ = response.Body.Close() }()
	// Trailers are there when the body has been read.
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return nil, response.StatusCode, err
	}
	return response.Trailer, response.StatusCode, nil
}
