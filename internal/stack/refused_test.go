package stack

import (
	"strings"
	"testing"

	"github.com/onsi/gomega"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

func TestARuleOfTheClustersOwnerIsToldFromAFault(t *testing.T) {
	theirs := &Stack{config: Config{Kubeconfig: "kubeconfig"}}
	for name, c := range map[string]struct {
		answer string
		rule   bool
	}{
		"Pod Security":                {`pods "a" is forbidden: violates PodSecurity "restricted:latest": unrestricted capabilities`, true},
		"a quota":                     {`pods "a" is forbidden: exceeded quota: platform, requested: pods=1, used: pods=3, limited: pods=3`, true},
		"a quota that wants limits":   {`pods "a" is forbidden: failed quota: platform: must specify limits.cpu for: backend`, true},
		"the run's own quota":         {`pods "a" is forbidden: exceeded quota: istio-conformance, requested: pods=1, used: pods=40, limited: pods=40`, false},
		"a limit":                     {`pods "a" is forbidden: maximum cpu usage per Container is 500m, but limit is 2`, true},
		"a ratio":                     {`pods "a" is forbidden: cpu max limit to request ratio per Container is 2, but provided ratio is 20.000000`, true},
		"an admission policy":         {`deployments.apps "a" is forbidden: ValidatingAdmissionPolicy 'owners' with binding 'all' denied request: no label team`, true},
		"a webhook":                   {`admission webhook "validate.kyverno.svc-fail" denied the request: no label team`, true},
		"Istio's own webhook":         {`admission webhook "rev.validation.istio.io" denied the request: configuration is invalid`, false},
		"a webhook that is not there": {`Internal error occurred: failed calling webhook "namespace.sidecar-injector.istio.io": connection refused`, false},
		"no account yet":              {`pods "a" is forbidden: error looking up service account a/default: serviceaccount "default" not found`, false},
		"no right":                    {`pods is forbidden: User "a" cannot create resource "pods" in API group "" in the namespace "b"`, false},
		"nothing":                     {"", false},
	} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			want := gomega.BeEmpty()
			if _, rule, named := strings.Cut(c.answer, " is forbidden"); c.rule && named {
				want = gomega.And(gomega.HaveSuffix(rule), gomega.Not(gomega.ContainSubstring(`"a"`)))
			} else if c.rule {
				want = gomega.HaveSuffix(c.answer)
			}
			g.Expect(theirs.Refused(c.answer)).To(want)
			g.Expect((&Stack{}).Refused(c.answer)).To(gomega.BeEmpty(), "in a cluster that is made here")
		})
	}
}

func TestPodsKeepToTheStrictestStandard(t *testing.T) {
	g := gomega.NewWithT(t)
	own := map[string]any{"runAsUser": int64(7)}
	o := &unstructured.Unstructured{Object: map[string]any{"kind": "Deployment", "spec": map[string]any{"template": map[string]any{"spec": map[string]any{
		"containers": []any{map[string]any{"name": "a"}, map[string]any{"name": "b", "securityContext": own}},
	}}}}}
	g.Expect(restrict(o)).To(gomega.Succeed())
	var d appsv1.Deployment
	g.Expect(runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &d)).To(gomega.Succeed())
	pod := d.Spec.Template.Spec
	g.Expect(*pod.SecurityContext.RunAsNonRoot).To(gomega.BeTrue())
	g.Expect(pod.SecurityContext.SeccompProfile.Type).To(gomega.Equal(corev1.SeccompProfileTypeRuntimeDefault))
	g.Expect(*pod.Containers[0].SecurityContext.AllowPrivilegeEscalation).To(gomega.BeFalse())
	g.Expect(pod.Containers[0].SecurityContext.Capabilities.Drop).To(gomega.ConsistOf(corev1.Capability("ALL")))
	g.Expect(pod.Containers[1].SecurityContext).To(gomega.Equal(&corev1.SecurityContext{RunAsUser: new(int64(7))}), "what is said already")
	service := &unstructured.Unstructured{Object: map[string]any{"kind": "Service", "spec": map[string]any{}}}
	g.Expect(restrict(service)).To(gomega.Succeed())
	g.Expect(service.Object).To(gomega.Equal(map[string]any{"kind": "Service", "spec": map[string]any{}}))
}

func TestANamespaceIsSeenByTheFirstOfTheMeshesSelectors(t *testing.T) {
	g := gomega.NewWithT(t)
	g.Expect(satisfying(metav1.LabelSelector{MatchLabels: map[string]string{"mesh": "on"}, MatchExpressions: []metav1.LabelSelectorRequirement{
		{Key: "team", Operator: metav1.LabelSelectorOpIn, Values: []string{"a", "b"}}, {Key: "any", Operator: metav1.LabelSelectorOpExists}, {Key: "not", Operator: metav1.LabelSelectorOpDoesNotExist},
	}})).To(gomega.Equal(map[string]string{"mesh": "on", "team": "a", "any": "true"}))
}
