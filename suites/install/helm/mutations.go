package helm

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/onsi/gomega"
	"helm.sh/helm/v3/pkg/chart"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "template-edited", Promise: "a pod template that was edited by hand, so that the next upgrade restarts the pods, is noticed",
			Break: editTemplate, Plays: "install/rendered-objects,install/upgrade-to-the-same",
			Fails: map[string]string{
				"install/upgrade-to-the-same": "no value restarts pods",
				"install/rendered-objects":    "spec.template.metadata.annotations.prometheus.io/path",
			},
		},
		{
			Name: "upgrade-refused", Promise: "an upgrade that the cluster refuses is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				mutation.ApplyFixture(ctx, t, s, "no-service-change", map[string]string{"Namespace": s.Gateway.Namespace})
				t.Eventually(ctx, func() error { return touch(ctx, s) }).ShouldNot(gomega.Succeed(), "the policy is in force")
			},
			Plays: "install/rollback", Fails: map[string]string{"install/rollback": "the gateway's Service does not follow an upgrade"},
		},
		{
			Name: "schema-loosened", Promise: "a chart that takes a misspelt value is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				mutation.Upgrade(ctx, t, s, *s.GatewayRelease(), func(c *chart.Chart) {
					c.Schema = bytes.ReplaceAll(c.Schema, []byte(`"additionalProperties": false`), []byte(`"additionalProperties": true`))
				})
			},
			Plays: "install/values-schema", Fails: map[string]string{"install/values-schema": "takes a value that it does not know"},
		},
		{
			Name: "schema-lost", Promise: "a chart that came without its schema is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				mutation.Upgrade(ctx, t, s, *s.GatewayRelease(), func(c *chart.Chart) { c.Schema = nil })
			},
			Plays: "install/values-schema", Fails: map[string]string{"install/values-schema": "no chart has a schema"},
		},
	}
}

// editTemplate changes an annotation of the gateway's pods that the chart sets,
// and waits until the pods have it. The upgrade that the check makes mends it.
func editTemplate(ctx context.Context, t *check.T, s *stack.Stack) {
	set := func(ctx context.Context, path string) {
		deployment := &appsv1.Deployment{}
		deployment.Namespace, deployment.Name = s.Gateway.Namespace, s.Gateway.Release
		patch := fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"prometheus.io/path":%q}}}}}`, path)
		t.Expect(s.Client.Patch(ctx, deployment, client.RawPatch("application/merge-patch+json", []byte(patch)))).To(gomega.Succeed())
		t.Eventually(ctx, func() (bool, error) {
			err := s.Client.Get(ctx, client.ObjectKeyFromObject(deployment), deployment)
			d := deployment.Status
			if err != nil || d.ObservedGeneration != deployment.Generation || d.UpdatedReplicas != d.Replicas || d.ReadyReplicas != d.Replicas {
				return false, err
			}
			pods, err := s.ReadyPods(ctx, s.Gateway.Namespace, s.Gateway.Selector)
			return len(pods) == int(d.Replicas), err
		}).WithTimeout(2*time.Minute).Should(gomega.BeTrue(), "rollout of the gateway")
	}
	mutation.Mend(ctx, t, func(ctx context.Context) { set(ctx, "/stats/prometheus") })
	set(ctx, "/by-hand")
}

// touch asks for a change of the gateway's Service as a dry run.
func touch(ctx context.Context, s *stack.Stack) error {
	service := &corev1.Service{}
	service.Namespace, service.Name = s.Gateway.Namespace, s.Gateway.Release
	patch := []byte(`{"metadata":{"annotations":{"conformance.test/touched":"true"}}}`)
	return s.Client.Patch(ctx, service, client.RawPatch("application/merge-patch+json", patch), client.DryRunAll)
}
