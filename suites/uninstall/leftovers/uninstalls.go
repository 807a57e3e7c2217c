package leftovers

import (
	"context"
	"errors"
	"time"

	"github.com/onsi/gomega"
	"helm.sh/helm/v3/pkg/storage/driver"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// First: the others look at what this one leaves.
var _ = Checks.AddAt(-1, uninstalls)

// uninstalls is the gate of all that needs a cluster without Istio.
func uninstalls(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "uninstall",
		Promise: "the releases uninstall in the reverse of their order, and Helm knows none of them afterwards",
		Gate:    true,
		Timeout: 5 * time.Minute,
		Run: func(ctx context.Context, t *check.T) {
			t.Diagnose("a release cannot be uninstalled, or Helm still knows it",
				"the message names the objects; look at their metadata.finalizers", "https://istio.io/latest/docs/setup/install/helm/#uninstall")
			started := time.Now()
			t.Expect(s.Uninstall(ctx)).To(gomega.Succeed())
			for _, r := range s.Releases {
				_, err := s.Helm.Get(ctx, r.Namespace, r.Name)
				t.Expect(errors.Is(err, driver.ErrReleaseNotFound)).To(gomega.BeTrue(), "release %s: %v", r, err)
			}
			t.Observe("%d releases gone after %s", len(s.Releases), time.Since(started).Round(100*time.Millisecond))
		},
	}
}
