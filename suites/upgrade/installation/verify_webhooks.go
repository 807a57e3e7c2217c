package installation

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/stack"
)

// verifyWebhooks reads every webhook of Istio: each must trust the mesh's root,
// lead to a Service that exists, and those that validate must not let pass what
// they cannot judge.
func (m *Mesh) verifyWebhooks(ctx context.Context, _ Versions) (string, error) {
	root, err := m.rootCertificate(ctx)
	if err != nil {
		return "", err
	}
	var validating admissionv1.ValidatingWebhookConfigurationList
	var mutating admissionv1.MutatingWebhookConfigurationList
	for _, list := range []client.ObjectList{&validating, &mutating} {
		if err := m.Stack.Client.List(ctx, list, client.HasLabels{stack.RevisionLabel}); err != nil {
			return "", fmt.Errorf("list Istio's webhooks: %w", err)
		}
	}
	n := 0
	for _, c := range validating.Items {
		for _, w := range c.Webhooks {
			n++
			what := fmt.Sprintf("ValidatingWebhookConfiguration %s, webhook %s", c.Name, w.Name)
			if w.FailurePolicy == nil || *w.FailurePolicy != admissionv1.Fail {
				return "", fmt.Errorf("%s: its failurePolicy is not Fail: resources pass unseen while istiod does not answer", what)
			}
			if err := m.leads(ctx, what, root, w.ClientConfig); err != nil {
				return "", err
			}
		}
	}
	for _, c := range mutating.Items {
		for _, w := range c.Webhooks {
			n++
			if err := m.leads(ctx, fmt.Sprintf("MutatingWebhookConfiguration %s, webhook %s", c.Name, w.Name), root, w.ClientConfig); err != nil {
				return "", err
			}
		}
	}
	if len(validating.Items) == 0 || len(mutating.Items) == 0 {
		return "", fmt.Errorf("%d validating and %d mutating webhook configurations of Istio, want some of each", len(validating.Items), len(mutating.Items))
	}
	return fmt.Sprintf("%d in %d configurations", n, len(validating.Items)+len(mutating.Items)), nil
}

// leads says what is wrong with the way from a webhook to its istiod.
func (m *Mesh) leads(ctx context.Context, what, root string, to admissionv1.WebhookClientConfig) error {
	if !bytes.Equal(bytes.TrimSpace(to.CABundle), []byte(root)) {
		return fmt.Errorf("%s: its caBundle is not the mesh's root certificate: the API server will not trust istiod", what)
	}
	if to.Service == nil {
		return fmt.Errorf("%s: it names no Service", what)
	}
	key := client.ObjectKey{Namespace: to.Service.Namespace, Name: to.Service.Name}
	if err := m.Stack.Client.Get(ctx, key, &corev1.Service{}); err != nil {
		return fmt.Errorf("%s: Service %s: %w", what, key, err)
	}
	return nil
}

// rootCertificate is the root that istiod gives to every namespace, in PEM.
func (m *Mesh) rootCertificate(ctx context.Context) (string, error) {
	root := &corev1.ConfigMap{}
	key := client.ObjectKey{Namespace: m.Stack.Gateway.Namespace, Name: "istio-ca-root-cert"}
	if err := m.Stack.Client.Get(ctx, key, root); err != nil {
		return "", fmt.Errorf("get ConfigMap %s: %w", key, err)
	}
	pem := strings.TrimSpace(root.Data["root-cert.pem"])
	if pem == "" {
		return "", fmt.Errorf("the ConfigMap %s holds no certificate", key)
	}
	return pem, nil
}

// verifyInjection asks for a pod without making it: the webhook that the API
// server chooses must answer, with the proxy that new pods should get.
func (m *Mesh) verifyInjection(ctx context.Context, want Versions) (string, error) {
	version, err := m.injected(ctx)
	if err != nil {
		return "", err
	}
	// While namespace and control plane are moved one after the other, a new pod
	// may get either.
	if version != want.Workloads && version != want.Of("istiod") && len(want.ControlPlanes) == 1 {
		return "", fmt.Errorf("a new pod would get a proxy of Istio %s, want %s", version, want.Workloads)
	}
	return "new pods get Istio " + version, nil
}

// injects returns an error while new pods do not get a version's proxy.
func (m *Mesh) injects(ctx context.Context, version string) error {
	got, err := m.injected(ctx)
	if err != nil {
		return err
	}
	if got != version {
		return fmt.Errorf("a new pod would get a proxy of Istio %s, want %s", got, version)
	}
	return nil
}

func (m *Mesh) injected(ctx context.Context) (string, error) {
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: m.Stack.Namespace, Name: "upgrade-dry-run-" + rand.String(5), Labels: map[string]string{"app": "dry-run"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: m.Stack.Images.Backend}}},
	}
	if err := m.Stack.Client.Create(ctx, pod, client.DryRunAll); err != nil {
		return "", fmt.Errorf("ask for a pod in namespace %s without making it: %w", m.Stack.Namespace, err)
	}
	version := ProxyVersion(pod)
	if version == "" {
		return "", fmt.Errorf("a new pod in namespace %s would get no proxy: no injection webhook matches the namespace's labels", m.Stack.Namespace)
	}
	return version, nil
}

// verifyValidation sends an invalid object and its valid twin, both without
// keeping them.
func (m *Mesh) verifyValidation(ctx context.Context, _ Versions) (string, error) {
	if err := m.Stack.Client.Create(ctx, dryRunService(1), client.DryRunAll); err != nil {
		return "", fmt.Errorf("a valid VirtualService is refused: %w", err)
	}
	err := m.Stack.Client.Create(ctx, dryRunService(-1), client.DryRunAll)
	if err == nil {
		return "", fmt.Errorf("a VirtualService with a negative weight is not refused: no webhook validates")
	}
	if !strings.Contains(err.Error(), "validation.istio.io") || !strings.Contains(err.Error(), "weight") {
		return "", fmt.Errorf("a VirtualService with a negative weight is refused for another reason: %w", err)
	}
	return "", nil
}

func dryRunService(weight int64) *unstructured.Unstructured {
	route := func(weight int64) map[string]any {
		return map[string]any{"destination": map[string]any{"host": "callee"}, "weight": weight}
	}
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "networking.istio.io/v1beta1", "kind": "VirtualService",
		"metadata": map[string]any{"generateName": "upgrade-dry-run-", "namespace": stack.SystemNamespace},
		"spec": map[string]any{
			"hosts": []any{"dry-run.upgrade.test"},
			"http":  []any{map[string]any{"route": []any{route(weight), route(1)}}},
		},
	}}
}
