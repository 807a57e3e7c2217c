package openloop

import (
	"net"
	"testing"

	"github.com/onsi/gomega"
)

// listening takes connections at the address until the test is over.
func listening(t *testing.T, address string) (net.Listener, error) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err == nil {
		t.Cleanup(func() { _ = listener.Close() }) // Harmless: the test is over.
	}
	return listener, err
}

func TestPortsAreTakenInTurnAndNoneThatIsInUse(t *testing.T) {
	g := gomega.NewWithT(t)
	server, err := listening(t, "127.0.0.1:0")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	ports := NewPorts()
	seen := map[int]bool{}
	last := 0
	for range 20 {
		c, err := ports.dial(t.Context(), server.Addr().String())
		g.Expect(err).NotTo(gomega.HaveOccurred())
		port := c.LocalAddr().(*net.TCPAddr).Port
		g.Expect(port).To(gomega.And(gomega.BeNumerically(">=", firstPort), gomega.BeNumerically("<", firstPort+portCount)))
		g.Expect(seen[port]).To(gomega.BeFalse(), "port %d came back", port)
		seen[port], last = true, port
		g.Expect(c.Close()).To(gomega.Succeed())
	}

	// The next one is somebody else's.
	next := firstPort + (last-firstPort+1)%portCount
	if _, err := listening(t, (&net.TCPAddr{Port: next}).String()); err != nil {
		t.Logf("port %d is in use already: %v", next, err)
	}
	c, err := ports.dial(t.Context(), server.Addr().String())
	g.Expect(err).NotTo(gomega.HaveOccurred())
	t.Cleanup(func() { _ = c.Close() }) // Harmless: the test is over.
	g.Expect(c.LocalAddr().(*net.TCPAddr).Port).NotTo(gomega.Equal(next))
}

func TestWithoutPortsTheKernelChooses(t *testing.T) {
	g := gomega.NewWithT(t)
	server, err := listening(t, "127.0.0.1:0")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	c, err := (*Ports)(nil).dial(t.Context(), server.Addr().String())
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(c.Close()).To(gomega.Succeed())
}
