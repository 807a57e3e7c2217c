package injection

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

var _ = Checks.Add(labels)

// labels tries every way to ask for a sidecar and to refuse one. It labels the
// run's own namespace, and so runs alone.
func labels(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "injection-labels",
		Promise: "a pod gets a sidecar exactly where the labels of its namespace, its own and the revision's ask for one",
		SkipIf:  s.WhyNoScratch,
		Run: func(ctx context.Context, t *check.T) {
			namespace, err := s.ScratchNamespace(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			_, err = kit.Injected(ctx, s, namespace, s.Asking())
			kit.SkipForbidden(t, s, err)
			t.Cleanup(func() {
				if err := label(context.WithoutCancel(ctx), s, namespace, nil); err != nil {
					t.Errorf("take the labels from Namespace %s: %v", namespace, err)
				}
			})
			cases := combinations(s)
			for _, c := range cases {
				diagnose(t, c.sidecar)
				t.Expect(label(ctx, s, namespace, c.namespace)).To(gomega.Succeed())
				// The API server hears of a namespace's new label a moment later.
				t.Eventually(ctx, func() (bool, error) {
					pod, err := kit.Injected(ctx, s, namespace, c.pod)
					if err != nil {
						return false, err
					}
					found, _ := container(pod, proxy)
					return found != nil, nil
				}).Should(gomega.Equal(c.sidecar), "a sidecar in this case: %s", c.name)
			}
			t.Observe("%d combinations of labels", len(cases))
		},
	}
}

// labelled is one way to ask for a sidecar, or to refuse it, and whether there is one.
type labelled struct {
	name           string
	namespace, pod map[string]string
	sidecar        bool
}

// combinations are those of the labels. Those without a revision lead to istiod only
// where it is the default one, by its own name or a tag's, or to another one that is.
func combinations(s *stack.Stack) []labelled {
	type set = map[string]string
	byDefault, revision := s.HasDefault() || s.OtherDefault(), set{stack.RevisionLabel: s.Revision()}
	return []labelled{
		{"no label at all", nil, nil, false},
		{"namespace enabled", set{stack.NamespaceLabel: "enabled"}, nil, byDefault},
		{"namespace enabled, pod opted out", set{stack.NamespaceLabel: "enabled"}, set{stack.InjectLabel: "false"}, false},
		{"namespace of the revision", revision, nil, true},
		{"namespace of the revision, pod opted out", revision, set{stack.InjectLabel: "false"}, false},
		{"namespace of a revision that does not exist", set{stack.RevisionLabel: "no-such"}, nil, false},
		{"pod opted in", nil, set{stack.InjectLabel: "true"}, byDefault},
		{"pod of the revision", nil, revision, true},
		{"pod of the revision, opted out", nil, set{stack.RevisionLabel: s.Revision(), stack.InjectLabel: "false"}, false},
		{"namespace disabled, pod opted in", set{stack.NamespaceLabel: "disabled"}, set{stack.InjectLabel: "true"}, false},
	}
}

func diagnose(t *check.T, sidecar bool) {
	if sidecar {
		t.Diagnose("a pod that asks for a sidecar gets none",
			"istioctl x check-inject; kubectl get mutatingwebhookconfigurations -o yaml: the revision's webhook must be there with istiod's caBundle",
			"https://istio.io/latest/docs/ops/common-problems/injection/")
		return
	}
	t.Diagnose("a pod gets a sidecar that nobody asked for, or that it refused",
		"kubectl get mutatingwebhookconfigurations -o yaml: look for a second injector, or for sidecarInjectorWebhook.enableNamespacesByDefault in the values",
		"https://istio.io/latest/docs/ops/common-problems/injection/")
}

// label gives the namespace exactly these of the labels above.
func label(ctx context.Context, s *stack.Stack, name string, values map[string]string) error {
	wanted := map[string]any{stack.NamespaceLabel: nil, stack.RevisionLabel: nil}
	for key, value := range values {
		wanted[key] = value
	}
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"labels": wanted}})
	if err != nil {
		return fmt.Errorf("label Namespace %s: %w", name, err)
	}
	ns := &corev1.Namespace{}
	ns.Name = name
	return s.Client.Patch(ctx, ns, client.RawPatch("application/merge-patch+json", patch))
}
