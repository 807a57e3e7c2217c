package protocols

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/onsi/gomega"
	"golang.org/x/net/websocket"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(webSocket)

// webSocket upgrades a connection and talks in both directions.
func webSocket(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "websocket",
		Parallel: true,
		Promise:  "a WebSocket passes the gateway to the backend and carries each message there and back before the next",
		Run: func(ctx context.Context, t *check.T) {
			r := kit.NewRoute(ctx, t, s, "plain", nil)
			t.Diagnose("the gateway does not upgrade a connection to WebSocket",
				"look at upgrade_configs of the gateway's listener in the config dump in the evidence, and for status 101 in its access log", docs)
			id, header := kit.Mark()
			connection, err := openWebSocket(ctx, s, r.Host, "/ws?id="+id, header.Get("X-Conformance-Id"))
			t.Expect(err).NotTo(gomega.HaveOccurred(), "upgrade at %s", r.Host)
			defer func() { _ = connection.Close() }()
			t.Diagnose("the gateway does not carry the messages of a WebSocket", "look for the connection's flags in the gateway's access log in the evidence", docs)
			for i := range messages {
				sent, reply := fmt.Sprintf("message %d", i), ""
				t.Expect(websocket.Message.Send(connection, sent)).To(gomega.Succeed(), "message %d", i)
				t.Expect(websocket.Message.Receive(connection, &reply)).To(gomega.Succeed(), "answer to message %d", i)
				t.Expect(reply).To(gomega.Equal(sent))
			}
			t.Expect(connection.Close()).To(gomega.Succeed())
			t.Eventually(ctx, func() ([]kit.Answer, error) { return kit.BackendLog(ctx, s, id) }).
				Should(gomega.ConsistOf(gomega.And(gomega.HaveField("Messages", messages), gomega.HaveField("Protocol", "WebSocket"))), "the backend's own log")
			kit.MustLog(ctx, t, s, id, gomega.ConsistOf(gomega.HaveField("Status", 101)), "the gateway's access log")
			t.Observe("%d messages there and back", messages)
		},
	}
}

// openWebSocket makes a WebSocket to a host over a connection to the gateway.
func openWebSocket(ctx context.Context, s *stack.Stack, host, target, id string) (*websocket.Conn, error) {
	config, err := websocket.NewConfig("ws://"+host+target, "http://"+host)
	if err != nil {
		return nil, err
	}
	config.Header.Set("x-conformance-id", id)
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", strings.TrimPrefix(s.GatewayURL(), "http://"))
	if err != nil {
		return nil, err
	}
	if err := raw.SetDeadline(time.Now().Add(callTimeout)); err != nil {
		return nil, err
	}
	return websocket.NewClient(config, raw)
}
