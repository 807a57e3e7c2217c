package mesh

import (
	"testing"

	"github.com/onsi/gomega"
)

func TestPackets(t *testing.T) {
	const listed = `Chain FORWARD (policy ACCEPT 3085 packets, 411210 bytes)
    pkts      bytes target     prot opt in     out     source               destination
       7      420            tcp  --  *      *       10.244.0.5           10.244.1.7           tcp dpt:15008
       0        0            6    --  *      *       10.244.0.5           10.244.1.7           tcp dpt:8080
      12      700 MARK       tcp  --  *      *       10.244.0.6           10.244.1.7           tcp dpt:8080
`
	for _, c := range []struct {
		source string
		port   int
		n      int
		found  bool
	}{
		{"10.244.0.5", 15008, 7, true},
		{"10.244.0.5", 8080, 0, true},
		{"10.244.0.6", 8080, 12, true},
		{"10.244.0.6", 808, 0, false},
		{"10.244.1.7", 8080, 0, false},
	} {
		g := gomega.NewWithT(t)
		n, found := packets(listed, c.source, "10.244.1.7", c.port)
		g.Expect(n).To(gomega.Equal(c.n), "%+v", c)
		g.Expect(found).To(gomega.Equal(c.found), "%+v", c)
	}
}

func TestHostOf(t *testing.T) {
	g := gomega.NewWithT(t)
	g.Expect(hostOf("10.244.0.5:15008")).To(gomega.Equal("10.244.0.5"))
	g.Expect(hostOf("[fd00::5]:15008")).To(gomega.Equal("fd00::5"))
	g.Expect(hostOf("")).To(gomega.BeEmpty())
}
