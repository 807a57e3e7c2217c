package stack

import (
	"testing"

	"github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"istio-conformance/internal/mesh/desired"
)

func TestPodsAskTheRevisionForTheirProxy(t *testing.T) {
	labelled := func(value string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{"kind": "Deployment", "metadata": map[string]any{"name": "a"}, "spec": map[string]any{
			"template": map[string]any{"metadata": map[string]any{"labels": map[string]any{"sidecar.istio.io/inject": value}}},
		}}}
	}
	of := func(revision string, injection map[string]string) *Stack {
		s := New(Config{}).Stack
		s.revision, s.injection = revision, injection
		return s
	}
	named := of("1-31-0", map[string]string{"istio.io/rev": "1-31-0"})
	tagged := of("1-31-0", map[string]string{"istio-injection": "enabled"})
	for name, test := range map[string]struct {
		s     *Stack
		value string
		want  string
	}{
		"a pod that asks, of a revision without a default": {named, "true", "1-31-0"},
		"a pod that refuses":                      {named, "false", ""},
		"a revision that a tag makes the default": {tagged, "true", ""},
		"no revision":                             {of("", nil), "true", ""},
	} {
		g := gomega.NewWithT(t)
		o := labelled(test.value)
		g.Expect(test.s.askRevision(o)).To(gomega.Succeed(), name)
		got, _, err := unstructured.NestedString(o.Object, "spec", "template", "metadata", "labels", "istio.io/rev")
		g.Expect(err).NotTo(gomega.HaveOccurred(), name)
		g.Expect(got).To(gomega.Equal(test.want), name)
	}
	g := gomega.NewWithT(t)
	g.Expect(named.Revised("istiod")).To(gomega.Equal("istiod-1-31-0"))
	g.Expect(of("", nil).Revised("istiod")).To(gomega.Equal("istiod"))
}

func TestWhoInjectsByDefault(t *testing.T) {
	hook := func(tag, revision string) (h admissionv1.MutatingWebhookConfiguration) {
		h.Labels = map[string]string{"istio.io/tag": tag, "istio.io/rev": revision}
		return h
	}
	for name, c := range map[string]struct {
		hooks         []admissionv1.MutatingWebhookConfiguration
		tagged, other bool
	}{
		"nobody":                       {[]admissionv1.MutatingWebhookConfiguration{hook("", "new")}, false, false},
		"its tag":                      {[]admissionv1.MutatingWebhookConfiguration{hook("", "new"), hook("default", "new")}, true, false},
		"another one's tag":            {[]admissionv1.MutatingWebhookConfiguration{hook("", "new"), hook("default", "old")}, false, true},
		"a control plane without name": {[]admissionv1.MutatingWebhookConfiguration{hook("", "default"), hook("", "new")}, false, true},
		"another tag":                  {[]admissionv1.MutatingWebhookConfiguration{hook("canary", "old"), hook("", "new")}, false, false},
	} {
		g := gomega.NewWithT(t)
		tagged, other := defaultOf(c.hooks, "new")
		g.Expect([]bool{tagged, other}).To(gomega.Equal([]bool{c.tagged, c.other}), name)
	}
}

func TestWhichWebhookJudgesObjectsWithoutLabels(t *testing.T) {
	g := gomega.NewWithT(t)
	of := func(name string, operator metav1.LabelSelectorOperator, values ...string) admissionv1.ValidatingWebhookConfiguration {
		return admissionv1.ValidatingWebhookConfiguration{Webhooks: []admissionv1.ValidatingWebhook{{Name: name, ObjectSelector: &metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{{Key: RevisionLabel, Operator: operator, Values: values}},
		}}}}
	}
	g.Expect(judgesAll(of("rev.validation.istio.io", metav1.LabelSelectorOpIn, "1-31-0"))).To(gomega.BeFalse())
	g.Expect(judgesAll(of("validation.istio.io", metav1.LabelSelectorOpDoesNotExist))).To(gomega.BeTrue())
	g.Expect(judgesAll(of("validate.example", metav1.LabelSelectorOpDoesNotExist))).To(gomega.BeFalse(), "another product's")
}

func TestNamespacesHaveWhatTheUsersSelectorsAskFor(t *testing.T) {
	g := gomega.NewWithT(t)
	s := New(Config{}).Stack
	g.Expect(s.discovered()).To(gomega.BeEmpty())
	s.wanted = []desired.Release{{Chart: "istiod", Values: map[string]any{"meshConfig": map[string]any{"discoverySelectors": []any{
		map[string]any{"matchLabels": map[string]any{"mesh": "on"}, "matchExpressions": []any{map[string]any{"key": "team", "operator": "In", "values": []any{"shop", "bank"}}}},
		map[string]any{"matchLabels": map[string]any{"other": "on"}},
	}}}}}
	g.Expect(s.discovered()).To(gomega.Equal(map[string]string{"mesh": "on", "team": "shop"}))
}
