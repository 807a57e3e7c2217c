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
	"time"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/wait"
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

// The channels: the resources and fields that are stable, and all.
// https://gateway-api.sigs.k8s.io/concepts/versioning/
const (
	Standard     = "standard"
	Experimental = "experimental"
)

// definitions are the module's files of a channel.
func definitions(channel string) string {
	return "config/crd/" + channel + "/gateway.networking.*.yaml"
}

// establishTimeout bounds the time until the API server serves the definitions.
const establishTimeout = time.Minute

// Define installs the CustomResourceDefinitions of a channel in the pinned version, waits
// until the API server serves them, and returns that version. root is the project's.
func Define(ctx context.Context, c client.Client, root, channel string) (version string, err error) {
	crds, version, err := CRDs(ctx, root, channel)
	if err != nil {
		return "", err
	}
	if err := kube.Apply(ctx, c, "", crds); err != nil {
		return "", fmt.Errorf("the Gateway API's CustomResourceDefinitions %s: %w", version, err)
	}
	var missing []string
	err = wait.PollUntilContextTimeout(ctx, 250*time.Millisecond, establishTimeout, true, func(ctx context.Context) (bool, error) {
		missing, err = NotEstablished(ctx, c, crds)
		return len(missing) == 0, err
	})
	if err != nil {
		return "", fmt.Errorf("the Gateway API's CustomResourceDefinitions %s: %w; not Established: %v", version, err, missing)
	}
	return version, nil
}

// CRDs returns the CustomResourceDefinitions of a channel in the pinned version and that
// version. They are read from the Go module, which the go command downloads when
// its cache lacks it; root is the project's.
func CRDs(ctx context.Context, root, channel string) (crds []*unstructured.Unstructured, version string, err error) {
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
	crds, err = read(found.Dir, channel)
	if err != nil {
		return fail(fmt.Errorf("module %s %s: %w", module, found.Version, err))
	}
	return crds, found.Version, nil
}

// read decodes the definitions of a channel below a directory. What else is in the files, a
// policy against downgrades, is left out: it is nothing that Istio needs.
func read(dir, channel string) ([]*unstructured.Unstructured, error) {
	files, err := filepath.Glob(filepath.Join(dir, definitions(channel)))
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
		return nil, errors.New("no CustomResourceDefinition matches " + definitions(channel))
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
