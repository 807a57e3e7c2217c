package serverside

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/onsi/gomega"
	"helm.sh/helm/v3/pkg/chart"
	admissionv1 "k8s.io/api/admissionregistration/v1"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

var _ = Checks.AddAt(2, webhooks)

// webhooks upgrades what has webhooks that istiod has patched.
func webhooks(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "upgrade-after-istiod-patched",
		Promise: "once istiod has given its webhooks failurePolicy Fail and a caBundle, an upgrade is in no conflict and writes none of them, not even for a moment",
		Timeout: 4 * time.Minute,
		SkipIf:  onlyHelm4(s),
		Breaks: []check.Break{{
			Name: "webhook-rendered-again", Promise: "a chart that renders failurePolicy Ignore in an upgrade too, as Istio's did before 1.30, is noticed",
			Make: mutation.On(s, renderAgain), Says: "an upgrade is in conflict with what istiod has patched",
		}},
		Run: func(ctx context.Context, t *check.T) {
			t.Diagnose("istiod does not patch its webhooks", "look for validationController in istiod's log in the evidence", "https://istio.io/latest/docs/ops/common-problems/validation/")
			var before map[string]string
			t.Eventually(ctx, func() (map[string]string, error) {
				var err error
				before, err = patched(ctx, s)
				return before, err
			}).Should(gomega.And(gomega.Not(gomega.BeEmpty()), gomega.HaveEach(gomega.HavePrefix("Fail, caBundle of "))), "Istio's validating webhooks")
			t.Diagnose("an upgrade is in conflict with what istiod has patched: Helm's --force-conflicts would have the webhooks fail open until istiod patches them again",
				"charts since Istio 1.30 leave failurePolicy out of an upgrade; with older ones set base.validationFailurePolicy=Fail, or upgrade with --server-side=false",
				"https://github.com/istio/istio/pull/59367")
			t.Expect(upgradeAll(ctx, s, s.Releases)).To(gomega.Succeed())
			t.Diagnose("an upgrade changes what istiod has patched", "compare failurePolicy and caBundle before and after", "https://github.com/istio/istio/pull/59367")
			t.Expect(patched(ctx, s)).To(gomega.Equal(before), "Istio's webhooks and how often they were written")
			t.Observe("%d webhooks are as istiod patched them", len(before))
		},
	}
}

// patched describes Istio's validating webhooks: the API server counts up the generation
// of an object with each change of what it says, also one that is taken back.
func patched(ctx context.Context, s *stack.Stack) (map[string]string, error) {
	var list admissionv1.ValidatingWebhookConfigurationList
	if err := s.Client.List(ctx, &list); err != nil {
		return nil, fmt.Errorf("list validating webhooks: %w", err)
	}
	found := map[string]string{}
	for _, configuration := range list.Items {
		if !strings.HasPrefix(configuration.Name, "istio") {
			continue
		}
		for _, hook := range configuration.Webhooks {
			policy := admissionv1.Ignore
			if hook.FailurePolicy != nil {
				policy = *hook.FailurePolicy
			}
			if len(hook.ClientConfig.CABundle) == 0 {
				found[configuration.Name+"/"+hook.Name] = fmt.Sprintf("%s, no caBundle", policy)
				continue
			}
			found[configuration.Name+"/"+hook.Name] = fmt.Sprintf("%s, caBundle of %d bytes, generation %d", policy, len(hook.ClientConfig.CABundle), configuration.Generation)
		}
	}
	return found, nil
}

// renderAgain gives istiod's chart the template back that it had before Istio 1.30.
func renderAgain(ctx context.Context, t *check.T, s *stack.Stack) {
	i := slices.IndexFunc(s.Releases, isIstiod)
	own := s.Releases[i]
	mutation.Mend(ctx, t, func(ctx context.Context) {
		s.Releases[i] = own
		_, err := s.Helm.Upgrade(ctx, own)
		t.Expect(err).NotTo(gomega.HaveOccurred(), "give release %s its chart back", own)
	})
	changed := 0
	s.Releases[i].Chart = mutation.ChangeChart(t, own.Chart, func(c *chart.Chart) {
		for _, template := range c.Templates {
			data := bytes.ReplaceAll(template.Data, []byte("{{- else if not .Release.IsUpgrade }}"), []byte("{{- else }}"))
			if !bytes.Equal(data, template.Data) {
				template.Data, changed = data, changed+1
			}
		}
	})
	t.Expect(changed).To(gomega.BeNumerically(">", 0), "templates of chart istiod that ask whether it is an upgrade")
}
