package load

import (
	"net"
	"testing"

	"github.com/onsi/gomega"
)

func TestPortsAreTakenInTurnAndNoneThatIsInUse(t *testing.T) {
	g := gomega.NewWithT(t)
	server, err := net.Listen("tcp", "127.0.0.1:0")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	defer server.Close()
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
	other, err := net.Listen("tcp", (&net.TCPAddr{Port: next}).String())
	if err == nil {
		defer other.Close()
	}
	c, err := ports.dial(t.Context(), server.Addr().String())
	g.Expect(err).NotTo(gomega.HaveOccurred())
	defer c.Close()
	g.Expect(c.LocalAddr().(*net.TCPAddr).Port).NotTo(gomega.Equal(next))
}

func TestWithoutPortsTheKernelChooses(t *testing.T) {
	g := gomega.NewWithT(t)
	server, err := net.Listen("tcp", "127.0.0.1:0")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	defer server.Close()
	c, err := (*Ports)(nil).dial(t.Context(), server.Addr().String())
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(c.Close()).To(gomega.Succeed())
}
