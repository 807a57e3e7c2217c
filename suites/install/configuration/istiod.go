package configuration

import (
	"context"
	"fmt"
	"time"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(istiodAvailable)

// istiodAvailable checks istiod's Deployment and asks the pods themselves.
func istiodAvailable(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "istiod-available",
		Promise:  "Deployment istiod is Available and its readiness endpoint answers 200",
		Parallel: true,
		Run: func(ctx context.Context, t *check.T) {
			t.Diagnose("istiod does not become ready", "look at istiod's pods, events and log in the evidence",
				"https://istio.io/latest/docs/ops/common-problems/")
			t.Eventually(ctx, func() ([]map[string]string, error) { return conditions(ctx, s) }).
				Should(gomega.And(gomega.Not(gomega.BeEmpty()), gomega.HaveEach(gomega.HaveKeyWithValue("Available", "True"))),
					"conditions of the Deployments %s in namespace %s", kit.IstiodSelector, stack.SystemNamespace)
			for _, pod := range kit.IstiodPods(ctx, t, s) {
				port := kit.Forward(ctx, t, s, pod, kit.IstiodHTTP)
				response := probe.HTTP(ctx, probe.Request{URL: fmt.Sprintf("http://127.0.0.1:%d/ready", port), Timeout: 10 * time.Second})
				t.Expect(response.Status).To(gomega.Equal(200), "pod %s: %s", pod.Name, response)
			}
		},
	}
}

// conditions returns the conditions by type of each Deployment of istiod: one a revision.
func conditions(ctx context.Context, s *stack.Stack) ([]map[string]string, error) {
	var list appsv1.DeploymentList
	if err := s.Client.List(ctx, &list, client.InNamespace(stack.SystemNamespace), client.MatchingLabels{"app": "istiod"}); err != nil {
		return nil, fmt.Errorf("list Deployments in namespace %s: %w", stack.SystemNamespace, err)
	}
	var all []map[string]string
	for i := range list.Items {
		found := map[string]string{}
		for _, c := range list.Items[i].Status.Conditions {
			found[string(c.Type)] = string(c.Status)
		}
		all = append(all, found)
	}
	return all, nil
}
