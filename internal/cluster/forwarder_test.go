package cluster

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"      //nolint:staticcheck // client-go's port-forward has these types
	"k8s.io/apimachinery/pkg/util/httpstream/spdy" //nolint:staticcheck // client-go's port-forward has these types
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	clientspdy "k8s.io/client-go/transport/spdy"
)

// echoing answers as an API server does that forwards to a pod: it echoes lines, and
// resets the connection at the line "reset".
func echoing(t *testing.T) httpstream.Dialer {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := httpstream.Handshake(r, w, []string{portforward.PortForwardProtocolV1Name}); err != nil {
			t.Error(err)
		}
		var failures sync.Map // by the id of the connection
		way := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(stream httpstream.Stream, _ <-chan struct{}) error {
			id := stream.Headers().Get(corev1.PortForwardRequestIDHeader)
			if stream.Headers().Get(corev1.StreamType) == corev1.StreamTypeError {
				failures.Store(id, stream)
				return nil
			}
			failure, _ := failures.Load(id)
			go echo(stream, failure.(httpstream.Stream))
			return nil
		})
		<-way.CloseChan()
	}))
	t.Cleanup(server.Close)
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport, upgrader, err := clientspdy.RoundTripperFor(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return clientspdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, at)
}

func echo(data, failure httpstream.Stream) {
	lines := bufio.NewScanner(data)
	for lines.Scan() {
		if lines.Text() == "reset" {
			_, _ = io.WriteString(failure, "read: connection reset by peer")
			_ = failure.Close()
			_ = data.Reset()
			return
		}
		_, _ = fmt.Fprintln(data, lines.Text())
	}
	_ = failure.Close()
	_ = data.Close()
}

func TestAConnectionThatThePodResetsEndsNoOther(t *testing.T) {
	g := gomega.NewWithT(t)
	ctx, cancel := context.WithCancel(t.Context())
	f := &forwarder{dialer: echoing(t), port: "80"}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	done := make(chan error, 1)
	go func() { done <- f.forward(ctx, listener) }()
	connect := func() (say func(string) (string, error)) {
		connection, err := new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
		g.Expect(err).NotTo(gomega.HaveOccurred())
		t.Cleanup(func() { _ = connection.Close() })
		g.Expect(connection.SetDeadline(time.Now().Add(10 * time.Second))).To(gomega.Succeed())
		answers := bufio.NewReader(connection)
		return func(line string) (string, error) {
			if _, err := fmt.Fprintln(connection, line); err != nil {
				return "", err
			}
			return answers.ReadString('\n')
		}
	}
	first, second := connect(), connect()
	for _, say := range []func(string) (string, error){first, second} {
		g.Expect(say("one")).To(gomega.Equal("one\n"))
	}
	_, err = second("reset")
	g.Expect(err).To(gomega.MatchError(io.EOF), "the connection that was reset")
	g.Expect(first("two")).To(gomega.Equal("two\n"), "another one that was open")
	g.Expect(connect()("three")).To(gomega.Equal("three\n"), "one that came later")
	g.Expect(f.open.Close()).To(gomega.Succeed())
	g.Eventually(f.open.CloseChan()).Should(gomega.BeClosed())
	g.Expect(connect()("four")).To(gomega.Equal("four\n"), "by a way that was opened anew")
	cancel()
	g.Eventually(done).WithTimeout(5 * time.Second).Should(gomega.Receive(gomega.BeNil()))
}
