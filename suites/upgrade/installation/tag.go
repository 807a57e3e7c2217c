package installation

import (
	"context"
	"errors"
	"fmt"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
)

// PointTag makes the revision tag lead to a control plane, as istio.io tells its
// users to: from the chart's own template, beside the releases.
func (m *Mesh) PointTag(ctx context.Context, release, version, rev string) error {
	objects, err := m.tagObjects(ctx, release, version, rev)
	if err != nil {
		return err
	}
	return kube.Apply(ctx, m.Stack.Client, stack.SystemNamespace, objects)
}

// tagObjects renders what the chart makes of a tag.
func (m *Mesh) tagObjects(ctx context.Context, release, version, rev string) ([]*unstructured.Unstructured, error) {
	r, err := m.Release("istiod", version, map[string]any{"revision": rev, "revisionTags": []any{TagName}})
	if err != nil {
		return nil, err
	}
	r.Name = release
	manifest, err := charts.Render(ctx, r, m.Stack.Cell.Kubernetes)
	if err != nil {
		return nil, err
	}
	all, err := kube.Decode(strings.NewReader(manifest))
	if err != nil {
		return nil, fmt.Errorf("render the revision tag %s of %s: %w", TagName, r, err)
	}
	var objects []*unstructured.Unstructured
	for _, o := range all {
		if o.GetLabels()["istio.io/tag"] == TagName {
			objects = append(objects, o)
		}
	}
	if len(objects) == 0 {
		return nil, fmt.Errorf("chart istiod of %s renders no revision tag", version)
	}
	return objects, nil
}

// removeTag deletes what pointTag made; no release owns it.
func (m *Mesh) removeTag(ctx context.Context) error {
	of := client.MatchingLabels{"istio.io/tag": TagName}
	err := errors.Join(
		m.Stack.Client.DeleteAllOf(ctx, &admissionv1.MutatingWebhookConfiguration{}, of),
		m.Stack.Client.DeleteAllOf(ctx, &corev1.Service{}, client.InNamespace(stack.SystemNamespace), of),
	)
	if err != nil {
		return fmt.Errorf("remove the revision tag %s: %w", TagName, err)
	}
	return nil
}
