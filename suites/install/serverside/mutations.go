package serverside

import (
	"context"
	"path/filepath"
	"strings"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// isIstiod tells the release of chart istiod by its file.
func isIstiod(r charts.Release) bool { return strings.HasPrefix(filepath.Base(r.Chart), "istiod") }

// change has Helm 4 change every release that is installed or upgraded first.
func change(ctx context.Context, t *check.T, s *stack.Stack, how func(*charts.Release)) {
	own := s.Helm
	mutation.Mend(ctx, t, func(context.Context) { s.Helm = own })
	s.Helm = own.By(func(c charts.Connection) charts.Changer { return changing{s.MakeHelm()(c), how} })
}

// changing is a Helm that does other than it is asked.
type changing struct {
	charts.Changer
	how func(*charts.Release)
}

func (c changing) Install(ctx context.Context, r charts.Release) error {
	c.how(&r)
	return c.Changer.Install(ctx, r)
}

func (c changing) Upgrade(ctx context.Context, r charts.Release) error {
	c.how(&r)
	return c.Changer.Upgrade(ctx, r)
}
