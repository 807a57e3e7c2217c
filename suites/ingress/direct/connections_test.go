package direct

import (
	"net/netip"
	"testing"

	"github.com/onsi/gomega"
)

func TestParsePeers(t *testing.T) {
	g := gomega.NewWithT(t)
	found, err := parsePeers(`0      0          10.244.1.5:43210      10.244.0.2:8080
0      0          10.244.1.5:43212      10.244.0.2:8080
0      0      [::ffff:10.244.1.5]:15021 [::ffff:10.244.1.1]:51000

`)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(found).To(gomega.Equal(map[netip.Addr]int{netip.MustParseAddr("10.244.0.2"): 2, netip.MustParseAddr("10.244.1.1"): 1}))

	_, err = parsePeers("0 0 10.244.1.5:1 nothing\n")
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("nothing")))
}
