package filelock

import (
	"path/filepath"
	"testing"

	"github.com/onsi/gomega"
)

func TestExclusiveKeepsOthersOut(t *testing.T) {
	g := gomega.NewWithT(t)
	path := filepath.Join(t.TempDir(), "below", "lock")
	first, err := Exclusive(path)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	_, err = Exclusive(path)
	g.Expect(err).To(gomega.MatchError(ErrLocked))
	_, err = Shared(path)
	g.Expect(err).To(gomega.MatchError(ErrLocked))
	g.Expect(first.Close()).To(gomega.Succeed())
	second, err := Shared(path)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	third, err := Shared(path)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	_, err = Exclusive(path)
	g.Expect(err).To(gomega.MatchError(ErrLocked))
	g.Expect(second.Close()).To(gomega.Succeed())
	g.Expect(third.Close()).To(gomega.Succeed())
}
