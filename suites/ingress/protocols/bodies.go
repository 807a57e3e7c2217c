package protocols

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

const (
	// uploadBytes and downloadBytes are far above any buffer of a proxy: what is
	// not streamed on does not pass.
	uploadBytes   = 16 << 20
	downloadBytes = 4 << 20
	// smallHeader and largeHeader are below and above Envoy's limit for a head, 60 KiB.
	smallHeader = 48 << 10
	largeHeader = 80 << 10
)

var _ = Checks.Add(largeBodies)

// largeBodies sends and fetches large bodies.
func largeBodies(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "large-bodies",
		Parallel: true,
		Promise:  fmt.Sprintf("a request of %d MiB and an answer of %d MiB pass the gateway whole and unchanged, over HTTP/1.1 and HTTP/2", uploadBytes>>20, downloadBytes>>20),
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "versions", nil)
			body := bytes.Repeat([]byte("0123456789abcdef"), uploadBytes/16)
			sum := sha256.Sum256(body)
			for _, http2 := range []bool{false, true} {
				t.Diagnose(fmt.Sprintf("the gateway does not answer a small request, HTTP/2 %v", http2), "see the check http-versions", docs)
				small := r.Send(ctx, "/h1", probe.Request{HTTP2: http2})
				t.Expect(small.Status).To(gomega.Equal(200), "a small request, HTTP/2 %v: %s", http2, small)
				t.Diagnose("the gateway does not carry a large body whole", "look for the request's flags in the gateway's access log in the evidence, and for a buffer filter in its config dump", docs)
				id, header := kit.Mark()
				response := probe.HTTP(ctx, probe.Request{
					Method: http.MethodPost, URL: s.GatewayURL() + "/h2?id=" + id, Host: r.Host, Headers: header, Body: body, HTTP2: http2, Timeout: callTimeout,
				})
				t.Expect(response.Status).To(gomega.Equal(200), "upload, HTTP/2 %v: %s", http2, response)
				t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).Should(gomega.ConsistOf(gomega.And(
					gomega.HaveField("Bytes", gomega.BeNumerically("==", uploadBytes)), gomega.HaveField("SHA256", hex.EncodeToString(sum[:])))),
					"upload, HTTP/2 %v: what the backend counted", http2)
				response = probe.HTTP(ctx, probe.Request{
					URL: s.GatewayURL() + fmt.Sprintf("/h1?size=%d", downloadBytes), Host: r.Host, HTTP2: http2, Timeout: callTimeout,
				})
				t.Expect(response.Status).To(gomega.Equal(200), "download, HTTP/2 %v: %s", http2, response)
				t.Expect(kit.ParseAnswer(t, response).Padding).To(gomega.HaveLen(downloadBytes), "download, HTTP/2 %v", http2)
				t.Observe("HTTP/2 %v: %d bytes up, %d bytes down", http2, uploadBytes, downloadBytes)
			}
		},
	}
}

var _ = Checks.Add(headerLimits)

// headerLimits sends and orders heads below and above Envoy's limit.
func headerLimits(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "header-limits",
		Parallel: true,
		Promise:  "a head of 48 KiB passes the gateway in both directions; one of 80 KiB is refused with 431, or 502 or 503 for an answer's, and the route keeps serving",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "plain", nil)
			t.Diagnose("the gateway does not keep to the limit of a head, 60 KiB",
				"look at max_request_headers_kb of the gateway's listener in the config dump in the evidence",
				"https://www.envoyproxy.io/docs/envoy/latest/api-v3/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto")
			for _, c := range []struct {
				name       string
				sent, back int
				status     []int
				details    string
			}{
				{"a request's head below the limit", smallHeader, 0, []int{200}, "via_upstream"},
				{"a request's head above the limit", largeHeader, 0, []int{431}, "request_headers_too_large"},
				{"an answer's head below the limit", 0, smallHeader, []int{200}, "via_upstream"},
				{"an answer's head above the limit", 0, largeHeader, []int{502, 503}, "upstream"},
				{"a small request after those", 0, 0, []int{200}, "via_upstream"},
			} {
				id, header := kit.Mark()
				header.Set("X-Padding", strings.Repeat("x", c.sent))
				response := r.Get(ctx, fmt.Sprintf("/?header=%d&id=%s", c.back, id), header)
				t.Expect(response.Status).To(gomega.BeElementOf(c.status), "%s: %s", c.name, response)
				if c.status[0] == 200 {
					t.Expect(kit.ParseAnswer(t, response).Headers.Get("X-Padding")).To(gomega.HaveLen(c.sent), "%s: what reached the backend", c.name)
					t.Expect(response.Headers.Get("X-Padding")).To(gomega.HaveLen(c.back), "%s: what came back", c.name)
				}
				if c.sent < largeHeader {
					// A head that is not read whole has no path to be found by.
					kit.MustLog(ctx, t, s, id, gomega.ConsistOf(gomega.HaveField("Details", gomega.ContainSubstring(c.details))), "%s: the gateway's access log", c.name)
				}
				t.Observe("%s: %d", c.name, response.Status)
			}
		},
	}
}
