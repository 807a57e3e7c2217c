package installation

import (
	"context"
	"crypto/x509"
	"fmt"
	"net/http"
	"strconv"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/fixtures"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/process/selfsigned"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/upgrade/traffic"
)

const (
	// RolloutTimeout bounds a rollout of two pods with their drain, on a busy machine.
	RolloutTimeout = 5 * time.Minute
	// certificateName is the Secret of the gateway's certificate in fixtures/apps/upgrade.yaml.
	certificateName = "upgrade-test"
)

// deploy makes the services that the traffic ends at, and the gateway's
// certificate for them.
func (m *Mesh) deploy(ctx context.Context) error {
	if err := m.ensureCertificate(ctx); err != nil {
		return err
	}
	manifest, err := fixtures.Files.ReadFile("apps/upgrade.yaml")
	if err != nil {
		return err
	}
	objects, err := kube.Render(manifest, map[string]any{
		"Names": Workloads, "Backend": m.Stack.Images.Backend, "Drain": strconv.FormatBool(m.layer == stack.RecommendedValues),
	})
	if err != nil {
		return err
	}
	if err := kube.Apply(ctx, m.Stack.Client, m.Stack.Namespace, objects); err != nil {
		return err
	}
	return m.RolledOut(ctx, m.Stack.Namespace, Workloads...)
}

// Restart is kubectl rollout restart of Deployments, and waits until only new
// pods are there and the old ones are gone.
func (m *Mesh) Restart(ctx context.Context, namespace string, names ...string) error {
	for _, name := range names {
		patch := fmt.Sprintf(`{"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":%q}}}}}`, time.Now().Format(time.RFC3339Nano))
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
		if err := m.Stack.Client.Patch(ctx, d, client.RawPatch("application/merge-patch+json", []byte(patch))); err != nil {
			return fmt.Errorf("restart Deployment %s/%s: %w", namespace, name, err)
		}
	}
	return m.RolledOut(ctx, namespace, names...)
}

// RolledOut waits for Deployments as kubectl rollout status does, and beyond it
// until no old pod is left: one that drains still serves.
func (m *Mesh) RolledOut(ctx context.Context, namespace string, names ...string) error {
	return kit.Until(ctx, RolloutTimeout, func(ctx context.Context) error {
		for _, name := range names {
			d := &appsv1.Deployment{}
			if err := m.Stack.Client.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, d); err != nil {
				return fmt.Errorf("get Deployment %s/%s: %w", namespace, name, err)
			}
			want, s := ptr.Deref(d.Spec.Replicas, 1), d.Status
			if s.ObservedGeneration < d.Generation || s.UpdatedReplicas != want || s.Replicas != want || s.AvailableReplicas != want {
				return fmt.Errorf("the rollout of Deployment %s/%s is not done: %d pods, %d new, %d available, want %d\n%s",
					namespace, name, s.Replicas, s.UpdatedReplicas, s.AvailableReplicas, want, m.Stack.DescribePods(ctx, namespace)())
			}
		}
		return m.noneLeaving(ctx, namespace)
	})
}

// noneLeaving returns an error while a pod of the namespace is being ended.
func (m *Mesh) noneLeaving(ctx context.Context, namespace string) error {
	pods, err := m.Stack.Pods(ctx, namespace, "")
	if err != nil {
		return err
	}
	for i := range pods {
		if p := &pods[i]; p.DeletionTimestamp != nil {
			return fmt.Errorf("pod %s/%s is still draining: it has until %s", namespace, p.Name, p.DeletionTimestamp.Format(time.TimeOnly))
		}
	}
	return nil
}

// Label gives the namespace of the workloads labels; an empty value removes one.
func (m *Mesh) Label(ctx context.Context, labels map[string]string) error {
	ns := &corev1.Namespace{}
	if err := m.Stack.Client.Get(ctx, client.ObjectKey{Name: m.Stack.Namespace}, ns); err != nil {
		return fmt.Errorf("get Namespace %s: %w", m.Stack.Namespace, err)
	}
	patch := client.MergeFrom(ns.DeepCopy())
	for key, value := range labels {
		if value == "" {
			delete(ns.Labels, key)
			continue
		}
		ns.Labels[key] = value
	}
	if err := m.Stack.Client.Patch(ctx, ns, patch); err != nil {
		return fmt.Errorf("label Namespace %s: %w", m.Stack.Namespace, err)
	}
	return nil
}

// Addresses are where traffic enters, and what certificate it will meet there: at a
// node itself where this machine reaches it, which costs less CPU than the published
// ports.
func (m *Mesh) Addresses(ctx context.Context) (a traffic.Addresses, err error) {
	if m.managed {
		return m.managedAddresses(ctx)
	}
	if a.HTTP, err = m.Stack.NodeAddress(ctx, stack.HTTPNodePort); err != nil {
		return a, err
	}
	if a.HTTPS, err = m.Stack.NodeAddress(ctx, stack.HTTPSNodePort); err != nil {
		return a, err
	}
	if r := probe.HTTP(ctx, probe.Request{URL: "http://" + a.HTTP, Host: traffic.AppHost, Timeout: RequestTimeout}); r.Status != http.StatusOK {
		if a.HTTP, err = m.Stack.GatewayAddress(stack.HTTPNodePort, ""); err != nil {
			return a, err
		}
		if a.HTTPS, err = m.Stack.GatewayAddress(stack.HTTPSNodePort, ""); err != nil {
			return a, err
		}
	}
	a.Roots, err = m.trusted(ctx)
	return a, err
}

// trusted is the gateway's certificate, which signs itself.
func (m *Mesh) trusted(ctx context.Context) (*x509.CertPool, error) {
	secret := &corev1.Secret{}
	key := client.ObjectKey{Namespace: m.Stack.Gateway.Namespace, Name: certificateName}
	if err := m.Stack.Client.Get(ctx, key, secret); err != nil {
		return nil, fmt.Errorf("get Secret %s: %w", key, err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(secret.Data[corev1.TLSCertKey]) {
		return nil, fmt.Errorf("the Secret %s holds no certificate", key)
	}
	return roots, nil
}

// ensureCertificate makes a certificate for the gateway that signs itself.
func (m *Mesh) ensureCertificate(ctx context.Context) error {
	key := client.ObjectKey{Namespace: m.Stack.Gateway.Namespace, Name: certificateName}
	err := m.Stack.Client.Get(ctx, key, &corev1.Secret{})
	if err == nil {
		return nil
	}
	if client.IgnoreNotFound(err) != nil {
		return fmt.Errorf("get Secret %s: %w", key, err)
	}
	certificate, private, err := selfsigned.Certificate(30*24*time.Hour, traffic.AppHost, traffic.AppHost, traffic.MeshHost)
	if err != nil {
		return fmt.Errorf("make a certificate: %w", err)
	}
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}, Type: corev1.SecretTypeTLS,
		Data: map[string][]byte{corev1.TLSCertKey: certificate, corev1.TLSPrivateKeyKey: private},
	}
	if err := m.Stack.Client.Create(ctx, secret); err != nil {
		return fmt.Errorf("create Secret %s: %w", key, err)
	}
	return nil
}
