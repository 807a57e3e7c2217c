// Package gatewaycrds brings the Kubernetes Gateway API's CustomResourceDefinitions
// into a cluster, which Istio's charts do not.
package gatewaycrds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/process/command"
)

// module is the Go module that holds the definitions; pin is where its version
// is, relative to the project's root.
const (
	module = "sigs.k8s.io/gateway-api"
	pin    = "images/gateway-api"
)

// definitions are the module's files of the standard channel: the resources that
// are stable. https://gateway-api.sigs.k8s.io/concepts/versioning/
const definitions = "config/crd/standard/gateway.networking.k8s.io_*.yaml"

// CRDs returns the CustomResourceDefinitions of the pinned version and that
// version. They are read from the Go module, which the go command downloads when
// its cache lacks it; root is the project's.
func CRDs(ctx context.Context, root string) (crds []*unstructured.Unstructured, version string, err error) {
	fail := func(err error) ([]*unstructured.Unstructured, string, error) {
		return nil, "", fmt.Errorf("the Gateway API's CustomResourceDefinitions: %w", err)
	}
	download := command.Command{Args: []string{"go", "mod", "download", "-json", module}, Dir: filepath.Join(root, pin)}
	output, err := download.Output(ctx)
	if err != nil {
		return fail(err)
	}
	var found struct{ Dir, Version string }
	if err := json.Unmarshal([]byte(output), &found); err != nil {
		return fail(fmt.Errorf("go mod download: %w", err))
	}
	crds, err = read(found.Dir)
	if err != nil {
		return fail(fmt.Errorf("module %s %s: %w", module, found.Version, err))
	}
	return crds, found.Version, nil
}

// read decodes the definitions below a directory. What else is in the files, a
// policy against downgrades, is left out: it is nothing that Istio needs.
func read(dir string) ([]*unstructured.Unstructured, error) {
	files, err := filepath.Glob(filepath.Join(dir, definitions))
	if err != nil {
		return nil, err
	}
	var crds []*unstructured.Unstructured
	for _, path := range files {
		objects, err := decode(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		for _, object := range objects {
			if object.GetKind() == "CustomResourceDefinition" {
				crds = append(crds, object)
			}
		}
	}
	if len(crds) == 0 {
		return nil, errors.New("no CustomResourceDefinition matches " + definitions)
	}
	return crds, nil
}

func decode(path string) (_ []*unstructured.Unstructured, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	return kube.Decode(file)
}

// NotEstablished returns the names of the definitions that the API server does
// not serve yet.
func NotEstablished(ctx context.Context, c client.Client, crds []*unstructured.Unstructured) ([]string, error) {
	var names []string
	for _, crd := range crds {
		var found apiextensionsv1.CustomResourceDefinition
		live := &unstructured.Unstructured{}
		live.SetGroupVersionKind(crd.GroupVersionKind())
		if err := c.Get(ctx, client.ObjectKey{Name: crd.GetName()}, live); err != nil {
			return nil, fmt.Errorf("get CustomResourceDefinition %s: %w", crd.GetName(), err)
		}
		raw, err := live.MarshalJSON()
		if err == nil {
			err = json.Unmarshal(raw, &found)
		}
		if err != nil {
			return nil, fmt.Errorf("CustomResourceDefinition %s: %w", crd.GetName(), err)
		}
		if !slices.ContainsFunc(found.Status.Conditions, func(condition apiextensionsv1.CustomResourceDefinitionCondition) bool {
			return condition.Type == apiextensionsv1.Established && condition.Status == apiextensionsv1.ConditionTrue
		}) {
			names = append(names, crd.GetName())
		}
	}
	return names, nil
}
