package e2e

import (
	"context"
	"fmt"
	"os"

	"istio-conformance/internal/check"
	"istio-conformance/internal/images/conformance"
	"istio-conformance/internal/report/record"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/stack/options"
	"istio-conformance/suites/upstream"
)

// upstreamSuite compiles the Gateway API's own conformance suite, which says itself what
// tests it has. Nil where it was not asked for.
func upstreamSuite(s *stack.Builder, o *options.Options) (*upstream.Upstream, error) {
	if !o.GatewayAPI {
		return nil, nil
	}
	say := func(format string, args ...any) { fmt.Fprintf(os.Stderr, "istio-conformance: "+format+"\n", args...) }
	suite, err := conformance.Compile(context.Background(), o.Root, o.CacheDir, say)
	if err != nil {
		return nil, err
	}
	return upstream.New(s.Stack, suite, o.GatewayProfiles)
}

// startUpstream starts the chosen tests of the suite in a cluster that has been built. An
// error is none of their results.
func startUpstream(ctx context.Context, u *upstream.Upstream, plan []check.Suite, r *record.Recorder) error {
	if u == nil {
		return nil
	}
	var chosen []string
	for _, suite := range plan {
		for _, c := range suite.Checks {
			chosen = append(chosen, c.Name)
		}
	}
	phase := r.Phase("gateway-api")
	err := u.Start(ctx, r.Dir(), chosen, phase.Logf)
	phase.Done(err)
	return err
}

// build builds what the checks run on.
func build(ctx context.Context, s *stack.Builder, u *upstream.Upstream, plan []check.Suite, r *record.Recorder) error {
	if err := s.Build(ctx, r); err != nil {
		return err
	}
	return startUpstream(ctx, u, plan, r)
}
