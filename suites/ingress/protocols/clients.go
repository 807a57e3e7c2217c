package protocols

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(expectContinue)

// expectContinue holds a body back until it is asked for.
func expectContinue(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "expect-continue",
		Parallel: true,
		Promise:  "a client that sends Expect: 100-continue and holds its body back gets 100 Continue, and the body arrives whole",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "plain", nil)
			t.Diagnose("a client that waits for 100 Continue does not get it", "look for the request in the gateway's access log in the evidence",
				"https://www.rfc-editor.org/rfc/rfc9110#name-expect")
			c, err := dialHTTP(ctx, s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			defer func() { _ = c.Close() }()
			id, _ := kit.Mark()
			t.Expect(c.send("POST /?id=%s HTTP/1.1\r\nHost: %s\r\nX-Conformance-Id: %s\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n", id, r.Host, id)).To(gomega.Succeed())
			status, err := c.receive()
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(status).To(gomega.Equal(http.StatusContinue), "before a byte of the body was sent")
			t.Expect(c.send("hello")).To(gomega.Succeed())
			status, err = c.receive()
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(status).To(gomega.Equal(http.StatusOK))
			t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).
				Should(gomega.ConsistOf(gomega.HaveField("Bytes", gomega.BeNumerically("==", 5))), "the backend's own log")
			t.Observe("100, then 200 with the whole body at the backend")
		},
	}
}

const (
	// slowPieces are sent with slowPause between them: longer than any of the
	// gateway's buffers wait, and far below its time-outs.
	slowPieces = 8
	slowPause  = 150 * time.Millisecond
)

var _ = Checks.Add(slowClient)

// slowClient sends a head and a body in small pieces.
func slowClient(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "slow-client",
		Parallel: true,
		Promise:  "a request whose head and body come a few bytes at a time is waited for and arrives whole, while others of the route are answered",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "plain", nil)
			diagnoseSlow := func() {
				t.Diagnose("the gateway does not wait for a slow client", "look for the request's flags and response_code_details in the gateway's access log in the evidence", "")
			}
			diagnoseSlow()
			c, err := dialHTTP(ctx, s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			defer func() { _ = c.Close() }()
			id, _ := kit.Mark()
			const body = "a slow body"
			request := fmt.Sprintf("POST /?id=%s HTTP/1.1\r\nHost: %s\r\nX-Conformance-Id: %s\r\nContent-Length: %d\r\n\r\n%s", id, r.Host, id, len(body), body)
			size := len(request)/slowPieces + 1
			for at := 0; at < len(request); at += size {
				t.Expect(c.send("%s", request[at:min(at+size, len(request))])).To(gomega.Succeed(), "bytes from %d on", at)
				t.Diagnose("the gateway does not answer other clients while it waits for a slow one", "look for their requests in the gateway's access log in the evidence", "")
				t.Expect(r.Get(ctx, "/", nil).Status).To(gomega.Equal(200), "another client's request meanwhile")
				diagnoseSlow()
				kit.Pause(ctx, slowPause)
			}
			status, err := c.receive()
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(status).To(gomega.Equal(http.StatusOK))
			t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).
				Should(gomega.ConsistOf(gomega.HaveField("Bytes", gomega.BeNumerically("==", len(body)))), "the backend's own log")
			t.Observe("%d bytes in %d pieces, %s apart", len(request), slowPieces, slowPause)
		},
	}
}

// rawClient speaks HTTP/1.1 by hand.
type rawClient struct {
	net.Conn
	reader *bufio.Reader
}

// dialHTTP connects to the gateway's HTTP node port for at most callTimeout.
func dialHTTP(ctx context.Context, s *stack.Stack) (*rawClient, error) {
	connection, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(s.GatewayURL(), "http://"))
	if err != nil {
		return nil, err
	}
	if err := connection.SetDeadline(time.Now().Add(callTimeout)); err != nil {
		return nil, errors.Join(err, connection.Close())
	}
	return &rawClient{connection, bufio.NewReader(connection)}, nil
}

func (c *rawClient) send(format string, args ...any) error {
	_, err := fmt.Fprintf(c.Conn, format, args...)
	return err
}

// receive returns the status of the next response, interim ones too.
func (c *rawClient) receive() (int, error) {
	response, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, errors.Join(err, response.Body.Close())
}
