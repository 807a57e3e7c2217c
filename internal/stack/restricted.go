package stack

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/utils/ptr"
)

// podPaths are where objects of a kind have the pod that they make.
var podPaths = map[string][]string{"Pod": {"spec"}, "Deployment": {"spec", "template", "spec"}, "Job": {"spec", "template", "spec"}}

// restrict has a check's pods, which need no rights, keep to the strictest Pod Security
// Standard: somebody else's cluster may ask for it.
func restrict(o *unstructured.Unstructured) error {
	path, known := podPaths[o.GetKind()]
	if !known {
		return nil
	}
	fields, found, err := unstructured.NestedMap(o.Object, path...)
	if err != nil || !found {
		return err
	}
	var spec corev1.PodSpec
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(fields, &spec); err != nil {
		return err
	}
	Restrict(&spec)
	if fields, err = runtime.DefaultUnstructuredConverter.ToUnstructured(&spec); err != nil {
		return err
	}
	return unstructured.SetNestedMap(o.Object, fields, path...)
}

// Restrict fills in what the Pod Security Standard "restricted" asks of a pod that runs as
// a user of its image's, and leaves what is said already.
// https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted
func Restrict(spec *corev1.PodSpec) {
	if spec.SecurityContext == nil {
		spec.SecurityContext = &corev1.PodSecurityContext{}
	}
	if spec.SecurityContext.RunAsNonRoot == nil {
		spec.SecurityContext.RunAsNonRoot = ptr.To(true)
	}
	if spec.SecurityContext.SeccompProfile == nil {
		spec.SecurityContext.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}
	}
	for i := range spec.Containers {
		if c := &spec.Containers[i]; c.SecurityContext == nil {
			c.SecurityContext = &corev1.SecurityContext{AllowPrivilegeEscalation: ptr.To(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}}
		}
	}
}
