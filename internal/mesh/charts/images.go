package charts

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"istio-conformance/internal/mesh/kube"
)

// injectedImage is what chart gateway says for the image that istiod's injector
// puts in when the pod is made.
const injectedImage = "auto"

// Workload is something that a chart starts pods for.
type Workload struct {
	// Kind, Namespace and Name are the object's.
	Kind, Namespace, Name string
	// Selector are the labels of its pods.
	Selector map[string]string
	// Images are its containers' by their names, init containers too. The injector
	// chooses those that the chart leaves to it: see Auto.
	Images map[string]string
}

// String is "<kind> <namespace>/<name>".
func (w Workload) String() string { return fmt.Sprintf("%s %s/%s", w.Kind, w.Namespace, w.Name) }

// Auto reports whether the injector chooses an image of the workload.
func Auto(image string) bool { return image == injectedImage }

// Workloads returns what the manifest of a release starts. An object without a
// namespace is in the given one.
func Workloads(namespace, manifest string) ([]Workload, error) {
	objects, err := kube.Decode(strings.NewReader(manifest))
	if err != nil {
		return nil, err
	}
	var all []Workload
	for _, o := range objects {
		images, err := podImages(o)
		if err != nil {
			return nil, err
		}
		if len(images) == 0 {
			continue
		}
		w := Workload{Kind: o.GetKind(), Namespace: o.GetNamespace(), Name: o.GetName(), Images: images}
		if w.Namespace == "" {
			w.Namespace = namespace
		}
		if w.Selector, _, err = unstructured.NestedStringMap(o.Object, "spec", "selector", "matchLabels"); err != nil {
			return nil, fmt.Errorf("selector of %s: %w", w, err)
		}
		all = append(all, w)
	}
	return all, nil
}

// podImages returns the images in an object's template of pods by their
// containers' names; none when it has no such template.
func podImages(o *unstructured.Unstructured) (map[string]string, error) {
	images := map[string]string{}
	for _, field := range []string{"initContainers", "containers"} {
		containers, _, err := unstructured.NestedSlice(o.Object, "spec", "template", "spec", field)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", kube.Name(o), err)
		}
		for _, c := range containers {
			fields, _ := c.(map[string]any)
			name, _, _ := unstructured.NestedString(fields, "name")
			image, _, _ := unstructured.NestedString(fields, "image")
			if name == "" || image == "" {
				return nil, fmt.Errorf("%s: a container of its pods has no name or no image", kube.Name(o))
			}
			images[name] = image
		}
	}
	return images, nil
}

// Images returns the references of all images that the releases run in a cluster
// of the Kubernetes version, sorted, and the one among them that istiod injects as
// the proxy; that is empty when no release is istiod's. They come from the charts as they
// render with the releases' values: a profile among these may add a variant to the tags.
func Images(ctx context.Context, releases []Release, kubeVersion string) (all []string, proxy string, err error) {
	found := map[string]bool{}
	for _, r := range releases {
		manifest, err := Render(ctx, r, kubeVersion)
		if err != nil {
			return nil, "", err
		}
		workloads, err := Workloads(r.Namespace, manifest)
		if err != nil {
			return nil, "", fmt.Errorf("images of release %s: %w", r, err)
		}
		for _, w := range workloads {
			for image := range maps.Values(w.Images) {
				found[image] = true
			}
		}
		injection, err := InjectionOf(manifest)
		if err != nil {
			return nil, "", fmt.Errorf("images of release %s: %w", r, err)
		}
		if injection != nil {
			proxy = injection.Proxy
			found[injection.Proxy], found[injection.Init] = true, true
		}
	}
	delete(found, injectedImage)
	return slices.Sorted(maps.Keys(found)), proxy, nil
}
