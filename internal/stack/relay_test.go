package stack

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"testing"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
)

func TestTheRelaySaysWhoAsks(t *testing.T) {
	g := gomega.NewWithT(t)
	gateway, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	t.Cleanup(func() { _ = gateway.Close() })
	go func() {
		connection, err := gateway.Accept()
		if err != nil {
			return
		}
		reader := bufio.NewReader(connection)
		header, _ := reader.ReadString('\n') // The test compares what came.
		rest, _ := io.ReadAll(reader)        // The same.
		_, _ = fmt.Fprintf(connection, "%s%s", header, rest)
		_ = connection.Close() // The other side sees it.
	}()
	at, err := relay(t.Context(), gateway.Addr().String())
	g.Expect(err).NotTo(gomega.HaveOccurred())
	client, err := new(net.Dialer).DialContext(t.Context(), "tcp", at)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	_, err = fmt.Fprint(client, "hello")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(client.(*net.TCPConn).CloseWrite()).To(gomega.Succeed())
	answer, err := io.ReadAll(client)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	from, to := client.LocalAddr().(*net.TCPAddr), client.RemoteAddr().(*net.TCPAddr)
	g.Expect(string(answer)).To(gomega.Equal(fmt.Sprintf("PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\nhello", from.Port, to.Port)))
}

func TestAProxyIsToldOfTheProtocol(t *testing.T) {
	g := gomega.NewWithT(t)
	pod := func(config string) *corev1.Pod {
		return &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Env: []corev1.EnvVar{{Name: "PROXY_CONFIG", Value: config}}}}}}
	}
	g.Expect(wantsProxyProtocol(pod(`{"gatewayTopology":{"proxyProtocol":{}}}`))).To(gomega.BeTrue())
	g.Expect(wantsProxyProtocol(pod("{}\n"))).To(gomega.BeFalse())
	g.Expect(wantsProxyProtocol(&corev1.Pod{})).To(gomega.BeFalse())
	_, err := wantsProxyProtocol(pod("no json"))
	g.Expect(err).To(gomega.HaveOccurred())
}
