package verify

import (
	"context"
	"strings"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
)

// rendered returns what Helm has rendered of every release, with a namespace for
// each object that needs one.
func rendered(ctx context.Context, t *check.T, s *stack.Stack) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	for _, r := range s.Releases {
		found, err := s.Helm.Get(ctx, r.Namespace, r.Name)
		t.Expect(err).NotTo(gomega.HaveOccurred())
		objects, err := kube.Decode(strings.NewReader(found.Manifest))
		t.Expect(err).NotTo(gomega.HaveOccurred(), "manifest of release %s", r)
		t.Expect(kube.Place(s.Client, r.Namespace, objects)).To(gomega.Succeed(), "manifest of release %s", r)
		all = append(all, objects...)
	}
	t.Expect(all).NotTo(gomega.BeEmpty(), "the releases %v render nothing", s.Releases)
	return all
}

// live reads the object of the same name from the cluster.
func live(ctx context.Context, s *stack.Stack, want *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	got := &unstructured.Unstructured{}
	got.SetGroupVersionKind(want.GroupVersionKind())
	return got, s.Client.Get(ctx, client.ObjectKeyFromObject(want), got)
}
