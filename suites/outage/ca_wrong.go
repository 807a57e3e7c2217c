package outage

import (
	"context"
	"encoding/pem"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/kit/flow"
	"istio-conformance/suites/mutation"
)

var _ = ca.AddAt(3, caRefused)

// caRefused plugs in a CA that cannot sign. The istiod that is there goes on.
func caRefused(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "ca-refused",
		Promise: "a plugged-in CA that has expired, and one whose key is another one's, is refused by a new istiod that says so, and no request fails",
		Timeout: caTimeout,
		Run: func(ctx context.Context, t *check.T) {
			r := begin(ctx, t, s, "istiod refuses the plugged-in CA")
			old := kit.PodNames(kit.IstiodPods(ctx, t, s))
			t.CleanupWithin(ctx, 2*backTimeout, func(ctx context.Context) {
				t.Expect(client.IgnoreNotFound(s.Client.Delete(ctx, caSecret(nil)))).To(gomega.Succeed())
				restart(ctx, t, s, stack.SystemNamespace, "istiod")
			})
			root := newAuthority(t, "root", nil, newEC, valid)
			expired := newAuthority(t, "expired", root, newRSA, life{-kit.CertificateLife, -time.Hour})
			mismatched := newAuthority(t, "mismatched", root, newRSA, valid).plugIn(t, root)
			mismatched["ca-key.pem"] = kit.KeyPEM(t, expired.key)
			mustRefuse(ctx, t, s, old, "an expired CA", expired.plugIn(t, root), "certificate has expired or is not yet valid")
			mustRefuse(ctx, t, s, old, "a CA with another one's key", mismatched, "the cert does not match the key")
			r.configure(ctx, t)
			r.judge(ctx, t, flow.Nothing, "look for the failed requests' flags in the gateway's access log in the evidence", pluginLink)
		},
		Breaks: []check.Break{{
			Name: "bad-ca-ignored", Promise: "an istiod that takes no notice of a CA that cannot sign is noticed",
			Make: func(ctx context.Context, t *check.T) { ignoreCA(ctx, t, s) },
			Says: "istiod starts with a CA that cannot sign",
		}},
	}
}

// mustRefuse waits until a new istiod has ended and said why; the old ones go on.
func mustRefuse(ctx context.Context, t *check.T, s *stack.Stack, old []string, what string, data map[string][]byte, words string) {
	t.Helper()
	plug(ctx, t, s, data)
	t.Expect(touch(ctx, s, stack.SystemNamespace, "istiod")).To(gomega.Succeed())
	t.Diagnose("istiod starts with a CA that cannot sign", "compare Secret cacerts with istiod's log in the evidence", pluginLink)
	var said strings.Builder
	t.Eventually(ctx, func() (string, error) {
		pods, err := s.Pods(ctx, stack.SystemNamespace, kit.IstiodSelector)
		said.Reset()
		for i := range pods {
			if slices.Contains(old, pods[i].Name) {
				continue
			}
			if ready, err := s.ReadyPods(ctx, stack.SystemNamespace, kit.IstiodSelector); err == nil && slices.Contains(kit.PodNames(ready), pods[i].Name) {
				return "", gomega.StopTrying(fmt.Sprintf("%s: istiod pod %s is ready", what, pods[i].Name))
			}
			said.WriteString(endedWith(ctx, s, &pods[i]))
		}
		return said.String(), err
	}).WithTimeout(backTimeout).WithPolling(time.Second).Should(gomega.ContainSubstring(words), "what a new istiod says of %s", what)
	ready, err := s.ReadyPods(ctx, stack.SystemNamespace, kit.IstiodSelector)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	t.Expect(kit.PodNames(ready)).To(gomega.Equal(old), "the istiods that serve meanwhile")
	for line := range strings.Lines(said.String()) {
		if strings.Contains(line, words) {
			t.Observe("%s: %s", what, strings.TrimSpace(line))
			break
		}
	}
}

// endedWith is the log of a pod's container that has ended; none where it has not begun.
func endedWith(ctx context.Context, s *stack.Stack, pod *corev1.Pod) string {
	var text strings.Builder
	for _, previous := range []bool{true, false} {
		raw, err := s.Cluster.Kube.CoreV1().Pods(pod.Namespace).GetLogs(pod.Name, &corev1.PodLogOptions{Previous: previous}).DoRaw(ctx)
		if err == nil {
			text.Write(raw)
		}
	}
	return text.String()
}

// ignoreCA takes a plugged-in CA away before istiod can read it.
func ignoreCA(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	secrets := s.Cluster.Kube.CoreV1().Secrets(stack.SystemNamespace)
	events, err := secrets.Watch(ctx, metav1.SingleObject(metav1.ObjectMeta{Name: "cacerts"}))
	t.Expect(err).NotTo(gomega.HaveOccurred())
	mutation.Whenever(ctx, t, events, func(ctx context.Context, event watch.Event) error {
		if event.Type != watch.Added {
			return nil
		}
		return client.IgnoreNotFound(secrets.Delete(ctx, "cacerts", metav1.DeleteOptions{}))
	})
}

var _ = ca.AddAt(2, caAtOnce)

// caAtOnce replaces the root at once: what the order of caReplaced is good for.
func caAtOnce(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "ca-replaced-at-once",
		Promise: "a root that takes the old one's place at once, while proxies still trust the old one alone, loses requests, and the access log says that a certificate is not trusted",
		Timeout: caTimeout,
		Run: func(ctx context.Context, t *check.T) {
			m := newMeshCA(ctx, t, s, "a root takes the old one's place at once", false)
			fresh := newAuthority(t, "new root", nil, newEC, valid)
			signer := newAuthority(t, "new intermediate", fresh, newEC, valid)
			m.ride.start(ctx, t, m.ride.route.Name)
			plug(ctx, t, s, signer.plugIn(t, fresh))
			restart(ctx, t, s, stack.SystemNamespace, "istiod")
			// The service's new pods have certificates of the new root, and the gateway's does not.
			restart(ctx, t, s, s.Namespace, m.ride.route.Name)
			t.Diagnose("no request fails although a pod has a certificate of a root that the gateway does not trust", "is there mutual TLS between the gateway and the pod? Look at its PeerAuthentication and DestinationRule", pluginLink)
			t.Eventually(ctx, func() (string, error) {
				return s.Logs(ctx, s.Gateway.Namespace, s.Gateway.Selector, kit.ProxyContainer)
			}).WithTimeout(backTimeout).WithPolling(2*time.Second).Should(gomega.ContainSubstring("CERTIFICATE_VERIFY_FAILED"), "the gateway's access log")
			m.ride.traffic.Stop()
			for _, seen := range m.ride.traffic.Seen() {
				t.Observe("%s", seen)
			}
		},
		Breaks: []check.Break{{
			Name: "pods-in-plain-text", Promise: "a mesh whose certificates nobody looks at is noticed",
			Make: mutation.On(s, mutation.HideRules("{tls: {mode: DISABLE}}")),
			Says: "no request fails although a pod has a certificate of a root that the gateway does not trust",
		}},
	}
}

// leaveOldRootOut takes the first of two roots out of Secret cacerts whenever there are two:
// what somebody does who replaces a root at once.
func leaveOldRootOut(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	secrets := s.Cluster.Kube.CoreV1().Secrets(stack.SystemNamespace)
	events, err := secrets.Watch(ctx, metav1.SingleObject(metav1.ObjectMeta{Name: "cacerts"}))
	t.Expect(err).NotTo(gomega.HaveOccurred())
	mutation.Whenever(ctx, t, events, func(ctx context.Context, event watch.Event) error {
		secret, is := event.Object.(*corev1.Secret)
		if !is || event.Type == watch.Deleted {
			return nil
		}
		_, second := pem.Decode(secret.Data["root-cert.pem"])
		if len(second) == 0 {
			return nil
		}
		secret.Data["root-cert.pem"] = second
		_, err := secrets.Update(ctx, secret, metav1.UpdateOptions{})
		return err
	})
}
