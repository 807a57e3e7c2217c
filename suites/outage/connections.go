package outage

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/kit/flow"
	"istio-conformance/suites/mutation"
)

const (
	// tableFull is how long a node takes no new connection.
	tableFull = 10 * time.Second
	// mostEntries bounds the table that is filled: each entry takes some 320 bytes of the
	// machine's memory.
	mostEntries = 1 << 20
)

var _ = resources.AddAt(3, connectionTableFull)

// connectionTableFull fills the table of connections of the node by which traffic enters.
func connectionTableFull(s *stack.Stack) check.Check {
	const link = "https://docs.kernel.org/networking/nf_conntrack-sysctl.html"
	return check.Check{
		Name:    "connection-table-full",
		Promise: "while the table of connections of the node by which traffic enters is full no request on a connection that is there fails, and new connections are served again when it has room",
		Timeout: outageTimeout,
		Run: func(ctx context.Context, t *check.T) {
			r := prepare(ctx, t, s, "the table of connections is full", "outage", nil)
			kept := flow.Kinds("backend." + s.Namespace)
			r.startKinds(ctx, t, []flow.Kind{kept[0], kept[2]})
			at, err := flow.Address(ctx, s, r.route.Host)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			ask := func() probe.Response {
				return probe.HTTP(ctx, probe.Request{URL: "http://" + at, Host: r.route.Host, Timeout: kit.ShortTimeout})
			}
			end := fillTable(ctx, t, s, s.Cluster.Nodes()[0].Name)
			t.Diagnose("a node with a full table still takes new connections, so that nothing was tried", "compare net.netfilter.nf_conntrack_count with nf_conntrack_max in the node", link)
			// A few old connections of the node's own may end meanwhile; each question takes
			// such a place.
			var refused probe.Response
			t.Eventually(ctx, func() int {
				refused = ask()
				return refused.Status
			}).Should(gomega.BeZero(), "the answer on a new connection while the table is full")
			last(ctx, t, tableFull)
			end(ctx)
			r.back()
			t.Diagnose("a node whose table has room again does not take new connections", "compare net.netfilter.nf_conntrack_count with nf_conntrack_max in the node", link)
			t.Eventually(ctx, func() int { return ask().Status }).WithTimeout(backTimeout).Should(gomega.Equal(http.StatusOK))
			t.Observe("a new connection: %s; served %s after the table had room", refused, wait(time.Since(r.ended)))
			r.configure(ctx, t)
			r.judge(ctx, t, flow.Nothing, "does something close connections that are in use? Look for the failed requests in the gateway's access log in the evidence", link)
		},
		Breaks: []check.Break{{
			Name: "connections-closed-after-each-request", Promise: "a gateway that needs a new connection for each request is noticed",
			Make: mutation.On(s, mutation.WithFixture("connection-manager", map[string]string{"Setting": "common_http_protocol_options: {max_requests_per_connection: 1}"})),
			Says: "requests fail or wait while the table of connections is full",
		}},
	}
}

// fillTable fills a node's table with connections that nobody has, and returns how to take
// them out again. The table is that of the node's own network namespace; its size is the
// whole kernel's.
func fillTable(ctx context.Context, t *check.T, s *stack.Stack, node string) (end func(context.Context)) {
	t.Helper()
	text, err := s.Cluster.Exec(ctx, node, "cat /proc/sys/net/netfilter/nf_conntrack_max")
	t.Expect(err).NotTo(gomega.HaveOccurred())
	size, err := strconv.Atoi(strings.TrimSpace(text))
	t.Expect(err).NotTo(gomega.HaveOccurred(), "the size of the table")
	if size > mostEntries {
		t.Skipf("the table of node %s holds %d connections; to fill it would take the machine too much memory, %d may be filled", node, size, mostEntries)
	}
	// 192.0.2.0/24 and 198.51.100.0/24 are for documentation: nobody has them. A connection
	// that was answered is not dropped to make room.
	const entry = `-I -p tcp -s 192.0.2.%%d -d 198.51.100.%%d --sport %%d --dport 80 --state ESTABLISHED -u SEEN_REPLY,ASSURED -t 300\n`
	take := fmt.Sprintf(`set -eu
awk 'BEGIN {for (i = 0; i < %d; i++) printf "`+entry+`", 1 + i %% 200, 1 + int(i / 200) %% 200, 1024 + int(i / 40000)}' >/tmp/table-full
conntrack -R /tmp/table-full >/dev/null 2>&1 || true
rm -f /tmp/table-full
count=$(cat /proc/sys/net/netfilter/nf_conntrack_count)
[ "$count" -ge %d ] || { echo "the table holds $count of %d connections" >&2; exit 1; }`, size, size-16, size)
	return onNode(ctx, t, s, node, take, "conntrack -D -s 192.0.2.0/24 >/dev/null 2>&1 || [ $? = 1 ]")
}
