package kit_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/onsi/gomega"

	"istio-conformance/suites/kit"
)

// What is said in the end is what was seen last, and not that time is up.
func TestUntilSaysTheLastState(t *testing.T) {
	g := gomega.NewWithT(t)
	err := kit.Until(t.Context(), 10*time.Millisecond, func(context.Context) error { return errors.New("still red") })
	g.Expect(err).To(gomega.MatchError("after 10ms: still red"))
	g.Expect(kit.Until(t.Context(), time.Minute, func(context.Context) error { return nil })).To(gomega.Succeed())
}
