package stack

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/onsi/gomega"
)

func TestAnAddressIsAskedForAHost(t *testing.T) {
	g := gomega.NewWithT(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.Host, strings.Repeat("x", 2*bodyLimit)) // What goes wrong is seen below.
	}))
	defer server.Close()
	at := strings.TrimPrefix(server.URL, "http://")
	g.Expect(askHost(t.Context(), at, "a.test")).To(gomega.And(gomega.HavePrefix("200 a.test"), gomega.HaveLen(len("200 ")+bodyLimit)))
	server.Close()
	g.Expect(askHost(t.Context(), at, "a.test")).To(gomega.ContainSubstring("refused"))
	silent, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	defer func() { g.Expect(silent.Close()).To(gomega.Succeed()) }()
	g.Expect(askHost(t.Context(), silent.Addr().String(), "a.test")).To(gomega.Equal("none within 3s"))
}
