package verify

import (
	"context"
	"fmt"

	"github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "configmap-edited", Promise: "an object that was edited by hand is noticed, with the field",
			Break: editConfigMap, Plays: "install/rendered-objects",
			Fails: map[string]string{"install/rendered-objects": "ConfigMap istio-system/istio: data.mesh"},
		},
		{
			Name: "service-account-gone", Promise: "an object that was deleted is noticed",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				account := &corev1.ServiceAccount{}
				t.Expect(s.Client.Get(ctx, client.ObjectKey{Namespace: stack.SystemNamespace, Name: "istio-reader-service-account"}, account)).To(gomega.Succeed())
				mutation.Remove(ctx, t, s, account)
			},
			Plays: "install/rendered-objects", Fails: map[string]string{"install/rendered-objects": "istio-reader-service-account"},
		},
		{
			Name: "istiod-scaled-by-hand", Promise: "a field that was changed by hand is noticed, with both values",
			Break: func(ctx context.Context, t *check.T, s *stack.Stack) {
				mutation.Scale(ctx, t, s, stack.SystemNamespace, s.Revised("istiod"), 0)
			},
			Plays: "install/rendered-objects",
			Fails: map[string]string{"install/rendered-objects": "Deployment istio-system/istiod: spec.replicas: want 1, got 0"},
		},
		{
			Name: "istiod-rollout-stuck", Promise: "a rollout that does not come to its end is noticed",
			Break: stickRollout, Plays: "install/workloads-ready",
			Fails: map[string]string{"install/workloads-ready": "Deployment istio-system/istiod"},
		},
		{
			Name: "proxy-of-another-image", Promise: "a proxy that runs another image than the release's is noticed",
			Break: otherImage, Plays: "install/images",
			Fails: map[string]string{"install/images": "conformance.test/proxyv2:other"},
		},
		{
			Name: "webhook-untrusting", Promise: "a webhook that does not trust istiod is noticed",
			Break: spoilCABundle, Plays: "install/webhooks",
			Fails: map[string]string{"install/webhooks": "a webhook does not trust the mesh's root"},
		},
		{
			Name: "webhook-open", Promise: "a webhook that lets everything in is noticed",
			Break: openWebhook, Plays: "install/webhooks",
			Fails: map[string]string{"install/webhooks": "a webhook still lets everything in"},
		},
		{
			Name: "secret-missing", Promise: "a gateway that waits for a secret is noticed",
			Break: missingSecret, Plays: "install/nothing-warming",
			Fails: map[string]string{"install/nothing-warming": "a proxy waits for something"},
		},
	}
}

func editConfigMap(ctx context.Context, t *check.T, s *stack.Stack) {
	edit := func(ctx context.Context, change func(*corev1.ConfigMap)) {
		m := &corev1.ConfigMap{}
		t.Expect(s.Client.Get(ctx, client.ObjectKey{Namespace: stack.SystemNamespace, Name: s.Revised("istio")}, m)).To(gomega.Succeed())
		change(m)
		t.Expect(s.Client.Update(ctx, m)).To(gomega.Succeed())
	}
	var old string
	mutation.Mend(ctx, t, func(ctx context.Context) {
		edit(ctx, func(m *corev1.ConfigMap) { m.Data["mesh"] = old })
	})
	edit(ctx, func(m *corev1.ConfigMap) {
		old = m.Data["mesh"]
		m.Data["mesh"] += "\n# by hand\n"
	})
}

// stickRollout asks for a node that does not exist.
func stickRollout(ctx context.Context, t *check.T, s *stack.Stack) {
	set := func(ctx context.Context, node string) {
		deployment := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: stack.SystemNamespace, Name: s.Revised("istiod")}}
		patch := fmt.Sprintf(`{"spec":{"template":{"spec":{"nodeSelector":{"conformance":%s}}}}}`, node)
		t.Expect(s.Client.Patch(ctx, deployment, client.RawPatch("application/merge-patch+json", []byte(patch)))).To(gomega.Succeed())
	}
	mutation.Mend(ctx, t, func(ctx context.Context) {
		set(ctx, "null")
		t.Eventually(ctx, func() (int, error) {
			pods, err := s.ReadyPods(ctx, stack.SystemNamespace, kit.IstiodSelector)
			return len(pods), err
		}).WithTimeout(mutation.MendTimeout).Should(gomega.Equal(1), "pods of istiod")
	})
	set(ctx, `"no-such-node"`)
}

// otherImage makes a pod that has a proxy of another image; it need not run.
func otherImage(ctx context.Context, t *check.T, s *stack.Stack) {
	namespace, err := s.ScratchNamespace(ctx)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "other-proxy", Labels: map[string]string{"sidecar.istio.io/inject": "false"}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{
			Name: "istio-proxy", Image: "conformance.test/proxyv2:other", ImagePullPolicy: corev1.PullNever,
		}}},
	}
	mutation.Mend(ctx, t, func(ctx context.Context) { t.Expect(s.Client.Delete(ctx, pod)).To(gomega.Succeed()) })
	t.Expect(s.Client.Create(ctx, pod)).To(gomega.Succeed())
}

// withoutIstiod stops istiod, which would mend its webhooks at once, and changes
// one of them; a new istiod mends it.
func withoutIstiod(ctx context.Context, t *check.T, s *stack.Stack, change func(*admissionv1.ValidatingWebhookConfiguration)) {
	mutation.Scale(ctx, t, s, stack.SystemNamespace, s.Revised("istiod"), 0)
	config := &admissionv1.ValidatingWebhookConfiguration{}
	t.Expect(s.Client.Get(ctx, client.ObjectKey{Name: "istiod-default-validator"}, config)).To(gomega.Succeed())
	change(config)
	t.Expect(s.Client.Update(ctx, config)).To(gomega.Succeed())
}

func spoilCABundle(ctx context.Context, t *check.T, s *stack.Stack) {
	other := kit.NewRoot(t)
	withoutIstiod(ctx, t, s, func(config *admissionv1.ValidatingWebhookConfiguration) {
		for i := range config.Webhooks {
			config.Webhooks[i].ClientConfig.CABundle = other
		}
	})
}

func openWebhook(ctx context.Context, t *check.T, s *stack.Stack) {
	ignore := admissionv1.Ignore
	withoutIstiod(ctx, t, s, func(config *admissionv1.ValidatingWebhookConfiguration) {
		for i := range config.Webhooks {
			config.Webhooks[i].FailurePolicy = &ignore
		}
	})
}

// missingSecret has the gateway serve TLS with a secret that does not exist.
func missingSecret(ctx context.Context, t *check.T, s *stack.Stack) {
	mutation.ApplyFixture(ctx, t, s, "missing-secret", nil)
	t.Eventually(ctx, func() (string, error) { return s.GatewayAdmin(ctx, "config_dump?resource=dynamic_warming_secrets") }).
		Should(gomega.ContainSubstring("no-such-secret"), "secrets that the gateway waits for")
}
