package kube

import (
	"context"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

// A try that failed at a later object has filled the earlier ones with the API
// server's answers, which it would refuse to get back.
func TestApplyAgain(t *testing.T) {
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(corev1.SchemeGroupVersion.WithKind("ConfigMap"), meta.RESTScopeNamespace)
	object := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a"}}}
	calls := 0
	c := interceptor.NewClient(fake.NewClientBuilder().WithRESTMapper(mapper).Build(), interceptor.Funcs{
		Apply: func(context.Context, client.WithWatch, runtime.ApplyConfiguration, ...client.ApplyOption) error {
			calls++
			if object.GetManagedFields() != nil || object.GetResourceVersion() != "" {
				t.Errorf("call %d: managed fields %v, resource version %q", calls, object.GetManagedFields(), object.GetResourceVersion())
			}
			object.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: fieldManager}})
			object.SetResourceVersion("7")
			return nil
		},
	})
	for range 2 {
		if err := Apply(t.Context(), c, "ns", []*unstructured.Unstructured{object}); err != nil {
			t.Fatal(err)
		}
	}
	if calls != 2 {
		t.Errorf("%d calls, want 2", calls)
	}
}
