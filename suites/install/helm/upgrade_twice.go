package helm

import (
	"context"
	"fmt"
	"time"

	"github.com/onsi/gomega"
	"golang.org/x/sync/errgroup"
	"helm.sh/helm/v3/pkg/release"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.AddAt(1, upgradeTwice)

// upgradeTwice upgrades every release to what it is.
func upgradeTwice(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "upgrade-to-the-same",
		Promise: "helm upgrade with the same charts and values adds a revision and changes no pod",
		Timeout: 4 * time.Minute,
		SkipIf:  s.WhyNotOurs,
		Run: func(ctx context.Context, t *check.T) {
			before, err := pods(ctx, s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(before).NotTo(gomega.BeEmpty())
			t.Diagnose("a release cannot be upgraded to itself",
				"the message names object and field", "https://istio.io/latest/docs/setup/upgrade/helm/")
			// At the same time: they share no object, and each mostly waits.
			var upgrades errgroup.Group
			for _, r := range s.Releases {
				upgrades.Go(func() error { return upgrade(ctx, s, r) })
			}
			t.Expect(upgrades.Wait()).To(gomega.Succeed())
			t.Diagnose("an upgrade that changes no chart and no value restarts pods",
				"compare helm get manifest --revision of the last two revisions", "https://istio.io/latest/docs/setup/upgrade/helm/")
			after, err := pods(ctx, s)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(after).To(gomega.Equal(before), "pods of istiod and the gateway, and their restarts")
			t.Observe("%d releases upgraded, %d pods as before", len(s.Releases), len(after))
		},
	}
}

// upgrade upgrades a release to what it is, and says if that did not give the next
// revision.
func upgrade(ctx context.Context, s *stack.Stack, r charts.Release) error {
	old, err := s.Helm.Get(ctx, r.Namespace, r.Name)
	if err != nil {
		return err
	}
	upgraded, err := s.Helm.Upgrade(ctx, r)
	switch {
	case err != nil:
		return err
	case upgraded.Version != old.Version+1:
		return fmt.Errorf("revision %d of release %s became %d, not %d", old.Version, r, upgraded.Version, old.Version+1)
	case upgraded.Info.Status != release.StatusDeployed:
		return fmt.Errorf("release %s is %s, not %s", r, upgraded.Info.Status, release.StatusDeployed)
	}
	return nil
}

// pods identifies the pods of istiod, of the gateway and of the CNI plugin.
func pods(ctx context.Context, s *stack.Stack) (map[string]string, error) {
	found := map[string]string{}
	for _, namespace := range []string{stack.SystemNamespace, s.Gateway.Namespace} {
		some, err := s.ReadyPods(ctx, namespace, "")
		if err != nil {
			return nil, err
		}
		for i := range some {
			pod := &some[i]
			found[namespace+"/"+pod.Name] = fmt.Sprintf("%s, %d restarts", pod.UID, kit.Restarts(pod))
		}
	}
	return found, nil
}
