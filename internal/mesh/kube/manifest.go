// Package kube applies and deletes objects of any kind from YAML, as kubectl
// apply --server-side does.
package kube

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"text/template"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// fieldManager owns the fields that this project sets on objects.
const fieldManager = "istio-conformance"

// Render fills the template with data and returns its objects. A field that
// data lacks is an error.
func Render(manifest []byte, data any) ([]*unstructured.Unstructured, error) {
	tmpl, err := template.New("manifest").Option("missingkey=error").Parse(string(manifest))
	if err != nil {
		return nil, fmt.Errorf("parse the manifest's template: %w", err)
	}
	var filled bytes.Buffer
	if err := tmpl.Execute(&filled, data); err != nil {
		return nil, fmt.Errorf("fill the manifest's template: %w", err)
	}
	return Decode(&filled)
}

// Decode returns the objects of a YAML or JSON stream; empty documents are
// passed over.
func Decode(r io.Reader) ([]*unstructured.Unstructured, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(r, 4096)
	var objects []*unstructured.Unstructured
	for {
		object := &unstructured.Unstructured{}
		err := decoder.Decode(object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("decode object %d of the manifest: %w", len(objects)+1, err)
		}
		if len(object.Object) == 0 {
			continue
		}
		if object.GetKind() == "" || object.GetName() == "" {
			return nil, fmt.Errorf("object %d of the manifest has no kind or no name", len(objects)+1)
		}
		objects = append(objects, object)
	}
}

// Apply creates or updates the objects on the server side. An object without a
// namespace goes into the given one.
func Apply(ctx context.Context, c client.Client, namespace string, objects []*unstructured.Unstructured) error {
	// All before the first, so that Delete finds those that were not reached too.
	if err := Place(c, namespace, objects); err != nil {
		return err
	}
	for _, object := range objects {
		// The answer to an earlier try is in the object when the one after it failed: the
		// API server takes no managedFields, and a resourceVersion only as long as it is current.
		object.SetManagedFields(nil)
		object.SetResourceVersion("")
		err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(object), client.FieldOwner(fieldManager), client.ForceOwnership)
		if err != nil {
			return fmt.Errorf("apply %s: %w", Name(object), err)
		}
	}
	return nil
}

// Delete deletes the objects in reverse; one that is gone already is no error.
func Delete(ctx context.Context, c client.Client, objects []*unstructured.Unstructured) error {
	var errs []error
	for i := len(objects) - 1; i >= 0; i-- {
		if err := c.Delete(ctx, objects[i]); err != nil && !apierrors.IsNotFound(err) {
			errs = append(errs, fmt.Errorf("delete %s: %w", Name(objects[i]), err))
		}
	}
	return errors.Join(errs...)
}

// Name returns kind namespace/name of an object, as errors name it.
func Name(object client.Object) string {
	name := object.GetName()
	if object.GetNamespace() != "" {
		name = object.GetNamespace() + "/" + name
	}
	return object.GetObjectKind().GroupVersionKind().Kind + " " + name
}

// Place gives the namespace to each object that needs one and names none.
func Place(c client.Client, namespace string, objects []*unstructured.Unstructured) error {
	for _, object := range objects {
		if err := place(c, namespace, object); err != nil {
			return err
		}
	}
	return nil
}

// place sets the namespace of a namespaced object that names none.
func place(c client.Client, namespace string, object *unstructured.Unstructured) error {
	namespaced, err := c.IsObjectNamespaced(object)
	if err != nil {
		return fmt.Errorf("look up the scope of %s: %w", Name(object), err)
	}
	if namespaced && object.GetNamespace() == "" {
		object.SetNamespace(namespace)
	}
	return nil
}
