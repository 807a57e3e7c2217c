package serverside

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/mesh/charts"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
)

// tools are the names under which Argo CD and Flux apply.
var tools = []string{"argocd-controller", "kustomize-controller"}

// render returns what "helm template" prints of the releases.
func render(ctx context.Context, s *stack.Stack, releases []charts.Release) ([]*unstructured.Unstructured, error) {
	var all []*unstructured.Unstructured
	for _, r := range releases {
		manifest, err := charts.Render(ctx, r, s.Cell.Kubernetes)
		if err != nil {
			return nil, err
		}
		objects, err := kube.Decode(strings.NewReader(manifest))
		if err != nil {
			return nil, fmt.Errorf("release %s: %w", r, err)
		}
		if err := kube.Place(s.Client, r.Namespace, objects); err != nil {
			return nil, err
		}
		all = append(all, objects...)
	}
	return all, nil
}

// apply applies an object under a name and returns what became of it. What it is given
// stays as it is.
func apply(ctx context.Context, s *stack.Stack, as string, object *unstructured.Unstructured, options ...client.ApplyOption) (*unstructured.Unstructured, error) {
	answer := object.DeepCopy()
	err := s.Client.Apply(ctx, client.ApplyConfigurationFromUnstructured(answer), append(options, client.FieldOwner(as))...)
	if err != nil {
		return nil, fmt.Errorf("apply %s as %s: %w", kube.Name(object), as, err)
	}
	return answer, nil
}

// conflicts lists, from dry runs, the fields for which a tool that does not force is
// refused, without those of whoever applied the charts before it, Helm or the other tool:
// these are equal, but the API server compares before it fills in defaults, such as the
// scope of a webhook's rules, and before it writes 2000m as 2.
func conflicts(ctx context.Context, s *stack.Stack, as string, objects []*unstructured.Unstructured) ([]string, error) {
	var all []string
	for _, object := range objects {
		_, err := apply(ctx, s, as, object, client.DryRunAll)
		if err == nil {
			continue
		}
		var status apierrors.APIStatus
		if !apierrors.IsConflict(err) || !errors.As(err, &status) || status.Status().Details == nil {
			return nil, err
		}
		for _, cause := range status.Status().Details.Causes {
			who := owner(cause.Message)
			if cause.Type == metav1.CauseTypeFieldManagerConflict && who != charts.Manager && !slices.Contains(tools, who) {
				all = append(all, fmt.Sprintf("%s: %s is %s's", kube.Name(object), cause.Field, who))
			}
		}
	}
	return all, nil
}

// owner is whom a conflict names: conflict with "pilot-discovery" using ...
func owner(message string) string {
	_, after, _ := strings.Cut(message, `"`)
	name, _, _ := strings.Cut(after, `"`)
	return name
}

// drift lists what a tool that forces would change, as a dry run.
func drift(ctx context.Context, s *stack.Stack, as string, objects []*unstructured.Unstructured) ([]string, error) {
	var all []string
	for _, object := range objects {
		would, err := apply(ctx, s, as, object, client.ForceOwnership, client.DryRunAll)
		if err != nil {
			return nil, err
		}
		is := &unstructured.Unstructured{}
		is.SetGroupVersionKind(object.GroupVersionKind())
		if err := s.Client.Get(ctx, client.ObjectKeyFromObject(object), is); err != nil {
			return nil, fmt.Errorf("get %s: %w", kube.Name(object), err)
		}
		for _, field := range []string{"managedFields", "resourceVersion", "generation"} {
			unstructured.RemoveNestedField(would.Object, "metadata", field)
		}
		delete(would.Object, "status")
		for _, d := range kube.Drift(would.Object, is.Object) {
			all = append(all, fmt.Sprintf("%s: %s", kube.Name(object), d))
		}
	}
	return all, nil
}
