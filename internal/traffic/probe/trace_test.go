package probe

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
)

func TestATraceKeepsRequestsAndResponses(t *testing.T) {
	g := gomega.NewWithT(t)
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	trace := &Trace{}
	HTTP(WithTrace(t.Context(), trace), Request{URL: server.URL + "/one"})
	HTTP(t.Context(), Request{URL: server.URL + "/two"})
	g.Expect(trace.String()).To(gomega.And(gomega.ContainSubstring("/one"), gomega.ContainSubstring("404"), gomega.Not(gomega.ContainSubstring("/two"))))
}

func TestATraceIsBounded(t *testing.T) {
	g := gomega.NewWithT(t)
	trace := &Trace{}
	ctx := WithTrace(t.Context(), trace)
	for range traceLimit + 3 {
		Exchanged(ctx, time.Now(), "* exchange\n")
	}
	g.Expect(strings.Count(trace.String(), "* exchange")).To(gomega.Equal(traceLimit))
	g.Expect(trace.String()).To(gomega.HavePrefix("(3 earlier requests are left out)"))
}
