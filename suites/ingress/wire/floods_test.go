package wire

import (
	"testing"

	"github.com/onsi/gomega"
	"golang.org/x/net/http2/hpack"
)

// A head that cannot be decoded ends the connection by itself: the floods behind it
// would prove nothing.
func TestAFloodsHeadIsWellFormed(t *testing.T) {
	g := gomega.NewWithT(t)
	fields, err := hpack.NewDecoder(4096, nil).DecodeFull(append(head("a.test"), field("x-flood-1", "value")...))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(fields).To(gomega.HaveLen(5))
	g.Expect(fields[2]).To(gomega.And(gomega.HaveField("Name", ":authority"), gomega.HaveField("Value", "a.test")))
}
