package diagnose

import (
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
	corev1 "k8s.io/api/core/v1"
)

// supportedSkew is by how many minor versions a proxy may be older than its istiod.
// Source: https://istio.io/latest/docs/releases/supported-releases/#control-planedata-plane-skew
const supportedSkew = 1

// observeSkew makes a record of each proxy that is of another minor version than Istio
// supports beside the istiod that runs. Where several istiods run it is not known which
// one a proxy belongs to.
func (w *world) observeSkew() {
	var istiod *semver.Version
	for i := range w.pods {
		if role(&w.pods[i]) != "istiod" {
			continue
		}
		v := versionOf(&w.pods[i], "discovery")
		if v == nil || istiod != nil && !istiod.Equal(v) {
			return
		}
		istiod = v
	}
	for i := range w.pods {
		pod := &w.pods[i]
		v := versionOf(pod, "istio-proxy")
		if istiod == nil || v == nil || v.Major() != istiod.Major() || pod.DeletionTimestamp != nil {
			continue
		}
		var state string
		switch {
		case v.Minor()+supportedSkew < istiod.Minor():
			state = "older"
		case v.Minor() > istiod.Minor():
			state = "newer"
		default:
			continue
		}
		w.add("skew", fileOf(pod.Namespace, podsKind), fmt.Sprintf("Pod %s: proxy %s, istiod %s", id(pod.Namespace, pod.Name), v, istiod),
			"pod", id(pod.Namespace, pod.Name), "ns", pod.Namespace, "role", role(pod), "proxy", v.String(), "istiod", istiod.String(), "state", state)
	}
}

// versionOf is the version in the tag of a container's image; nil where it has none.
func versionOf(pod *corev1.Pod, container string) *semver.Version {
	for _, c := range append(pod.Spec.InitContainers[:len(pod.Spec.InitContainers):len(pod.Spec.InitContainers)], pod.Spec.Containers...) {
		if c.Name != container {
			continue
		}
		tag, _, _ := strings.Cut(c.Image[strings.LastIndex(c.Image, ":")+1:], "-")
		v, err := semver.StrictNewVersion(tag)
		if err != nil {
			return nil
		}
		return v
	}
	return nil
}

// observeIngresses makes a record of each Ingress that names no class: istiod takes those
// of class istio, unless the mesh configuration says otherwise.
// Source: https://istio.io/latest/docs/reference/config/istio.mesh.v1alpha1/#MeshConfig-IngressControllerMode
func (w *world) observeIngresses() {
	mode := ""
	for _, c := range w.meshes {
		mode = str(c.values, "ingressControllerMode")
	}
	if len(w.meshes) == 0 || mode != "" && mode != "STRICT" {
		return
	}
	for _, o := range w.others["ingresses.networking.k8s.io"] {
		if str(o.Object, "spec", "ingressClassName") != "" || o.GetAnnotations()["kubernetes.io/ingress.class"] != "" {
			continue
		}
		name := id(o.GetNamespace(), o.GetName())
		w.add("ingress", fileOf(o.GetNamespace(), "ingresses.networking.k8s.io"), fmt.Sprintf("Ingress %s names no class", name), "object", name, "ns", o.GetNamespace())
	}
}
