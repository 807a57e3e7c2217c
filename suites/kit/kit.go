// Package kit is what the suites share: objects of a check's own that go away
// with it, a route through the gateway, requests that can be found again, and the
// witnesses of what became of them.
package kit

import (
	"context"
	"maps"
	"strings"
	"time"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"istio-conformance/fixtures"
	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
)

// Limits of one request and of a change's way to the gateway.
const (
	// RequestTimeout bounds a request that must be answered.
	RequestTimeout = 10 * time.Second
	// ShortTimeout bounds a request that is repeated until it is answered.
	ShortTimeout = 2 * time.Second
	// PropagationTimeout bounds the time until the gateway acts on a change, on a
	// busy machine too.
	PropagationTimeout = 30 * time.Second
	// PodTimeout bounds the time until new pods are ready, on a busy machine too.
	PodTimeout = 90 * time.Second
	// CleanupTimeout bounds the removal of a check's objects; it is apart from the
	// check's own time, which may be used up.
	CleanupTimeout = 30 * time.Second
)

// Labels of the backend that all checks share; see fixtures/apps/backend.yaml.
const (
	// BackendSelector matches the pods of both versions.
	BackendSelector = "app=backend"
	// BackendV1 and BackendV2 match the pods of one version.
	BackendV1 = "app=backend,version=v1"
	BackendV2 = "app=backend,version=v2"
	// BackendReplicas, BackendV1Replicas and BackendV2Replicas are how many there are.
	BackendReplicas   = BackendV1Replicas + BackendV2Replicas
	BackendV1Replicas = 2
	BackendV2Replicas = 1
)

// Apply fills fixtures/<path> with values, applies its objects in the namespace,
// and deletes them when the check ends.
func Apply(ctx context.Context, t *check.T, s *stack.Stack, namespace, path string, values map[string]string) []*unstructured.Unstructured {
	t.Helper()
	return ApplyData(ctx, t, s, namespace, path, values)
}

// ApplyData is Apply for a fixture whose template needs more than strings.
func ApplyData(ctx context.Context, t *check.T, s *stack.Stack, namespace, path string, values any) []*unstructured.Unstructured {
	t.Helper()
	objects := prepare(ctx, t, s, path, values)
	err := s.Apply(ctx, namespace, objects)
	SkipForbidden(t, s, err)
	t.Expect(err).To(gomega.Succeed(), func() string { return NotTaken(t, err) })
	return objects
}

// ApplyAgain is Apply at a time at which an istiod is ending: the API server may
// still send a resource to the one that closes its connections, and what cannot be
// judged is sent again. It returns how often that was so.
func ApplyAgain(ctx context.Context, t *check.T, s *stack.Stack, namespace, path string, values map[string]string) (again int) {
	t.Helper()
	objects := prepare(ctx, t, s, path, values)
	var err error
	t.Eventually(ctx, func() error {
		err = s.Apply(ctx, namespace, objects)
		if err != nil && !unjudged(err) {
			return gomega.StopTrying("the API server refuses the objects").Wrap(err)
		}
		if err != nil {
			again++
		}
		return err
	}).WithTimeout(PropagationTimeout).Should(gomega.Succeed(), func() string { return NotTaken(t, err) })
	return again
}

// prepare renders a check's objects, and sees to it that they go with the check.
func prepare(ctx context.Context, t *check.T, s *stack.Stack, path string, values any) []*unstructured.Unstructured {
	t.Helper()
	if texts, ok := values.(map[string]string); ok {
		values = with(s.FixtureValues(), texts)
	}
	sayOwn(t, s)
	objects := Render(t, path, values)
	t.CleanupWithin(ctx, CleanupTimeout, func(ctx context.Context) {
		if err := kube.Delete(ctx, s.Client, objects); err != nil {
			t.Errorf("remove the check's objects: %v", err)
		}
	})
	return objects
}

// unjudged reports whether an object was not written because its webhook did not
// answer.
func unjudged(err error) bool {
	return err != nil && strings.Contains(err.Error(), "failed calling webhook")
}

// NotTaken sets the check's diagnosis to what the error shows by which the API server
// did not take an object, and returns words for the failure's message.
func NotTaken(t *check.T, err error) string {
	t.Helper()
	if unjudged(err) {
		t.Diagnose("the API server cannot call a webhook that judges what is written, as the error says",
			"look at the pods behind the webhook's Service, and compare its service and caBundle with them: kubectl get validatingwebhookconfigurations -o yaml",
			"https://istio.io/latest/docs/ops/common-problems/validation/")
	} else {
		t.Diagnose("the API server does not take an object of the check's", "the error says why", "https://istio.io/latest/docs/ops/common-problems/validation/")
	}
	return "the API server's answer to what is written"
}

// Render fills fixtures/<path> with values.
func Render(t *check.T, path string, values any) []*unstructured.Unstructured {
	t.Helper()
	manifest, err := fixtures.Files.ReadFile(path)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	objects, err := kube.Render(manifest, values)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	return objects
}

// with returns values and more, of which the latter win.
func with(values, more map[string]string) map[string]string {
	all := maps.Clone(values)
	maps.Copy(all, more)
	return all
}
