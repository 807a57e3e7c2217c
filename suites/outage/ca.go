package outage

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/rand"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/kit/flow"
)

const (
	// soonRenewed has a proxy ask for its next certificate after some 12 s of ten minutes, so
	// that it has one of a new CA soon and its old one ends late.
	soonRenewed = `{SECRET_TTL: 10m, SECRET_GRACE_PERIOD_RATIO: "0.98"}`
	// caTimeout bounds the checks of a CA, which begin and end with rollouts.
	caTimeout  = 8 * time.Minute
	pluginLink = "https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/"
)

var _ = ca.AddAt(1, caReplaced)

// caReplaced leads from the CA that istiod made itself to a plugged-in one with another
// root, by way of both roots.
func caReplaced(s *stack.Stack) check.Check {
	return check.Check{
		Name:    "ca-replaced",
		Promise: "a plugged-in CA, another intermediate of it, both roots side by side, an intermediate of the new root and the new root alone follow each other, with RSA and EC keys, and no request fails",
		Timeout: caTimeout,
		Run: func(ctx context.Context, t *check.T) {
			m := newMeshCA(ctx, t, s, "the CA is replaced", true)
			old := ownAuthority(ctx, t, s)
			first, second := newAuthority(t, "first", old, newRSA, valid), newAuthority(t, "second", old, newEC, valid)
			fresh := newAuthority(t, "new root", nil, newEC, valid)
			third := newAuthority(t, "third", fresh, newRSA, valid)
			m.ride.start(ctx, t, m.ride.route.Name)
			m.step(ctx, t, "a CA is plugged in below the root that is there, with an RSA key", true, first, old)
			m.step(ctx, t, "its intermediate is replaced by one with an EC key, without a restart of istiod", false, second, old)
			m.step(ctx, t, "the new root is trusted beside the old one", true, second, old, fresh)
			m.step(ctx, t, "an intermediate of the new root signs, without a restart of istiod", false, third, old, fresh)
			m.step(ctx, t, "the old root is no longer trusted", true, third, fresh)
			m.ride.back()
			m.ride.configure(ctx, t)
			m.ride.judge(ctx, t, flow.Nothing, "look for the failed requests' upstream_transport_failure_reason in the gateway's access log in the evidence", pluginLink)
		},
		Breaks: []check.Break{{
			Name: "old-root-left-out", Promise: "a new root that takes the old one's place at once is noticed",
			Make: func(ctx context.Context, t *check.T) { leaveOldRootOut(ctx, t, s) },
			Says: "istiod does not take the plugged-in CA",
		}},
	}
}

// meshCA is a mesh whose CA changes under traffic.
type meshCA struct{ ride *ride }

// newMeshCA starts a service of the check's own, and gives the mesh its own CA back when
// the check ends. renew has the proxies ask for certificates often.
func newMeshCA(ctx context.Context, t *check.T, s *stack.Stack, what string, renew bool) *meshCA {
	t.Helper()
	t.CleanupWithin(ctx, 3*backTimeout, func(ctx context.Context) {
		mustBeHealthy(ctx, t, s)
	})
	metadata := "{}"
	if renew {
		metadata = soonRenewed
		// First: it is started anew last, when the mesh has its own CA again.
		renewGateway(ctx, t, s)
	}
	// Behind the service's own removal: nothing that trusts another root may be left.
	t.CleanupWithin(ctx, 3*backTimeout, func(ctx context.Context) {
		t.Expect(client.IgnoreNotFound(s.Client.Delete(ctx, caSecret(nil)))).To(gomega.Succeed())
		restart(ctx, t, s, stack.SystemNamespace, "istiod")
		kit.MustJudge(ctx, t, s)
	})
	r := &ride{stack: s, what: what}
	r.route = kit.NewRoute(ctx, t, s, "outage-rolling", map[string]string{"Backend": s.Images.Backend, "ProxyMetadata": metadata})
	kit.RolledOut(ctx, t, s, s.Namespace, r.route.Name)
	return &meshCA{ride: r}
}

// renewGateway has the gateway ask for certificates often, and starts it anew when the check
// ends.
func renewGateway(ctx context.Context, t *check.T, s *stack.Stack) {
	t.Helper()
	const env = `"env":[{"name":"SECRET_TTL",%s},{"name":"SECRET_GRACE_PERIOD_RATIO",%s}]`
	apply := func(ctx context.Context, first, second string) {
		t.Helper()
		t.Expect(kit.PatchGateway(ctx, s, fmt.Sprintf(env, first, second))).To(gomega.Succeed())
		kit.RolledOut(ctx, t, s, s.Gateway.Namespace, s.Gateway.Release)
	}
	t.Diagnose("a gateway that asks for its certificate often does not become ready", "look at the gateway's pods and events in the evidence", pluginLink)
	t.CleanupWithin(ctx, backTimeout, func(ctx context.Context) { apply(ctx, `"$patch":"delete"`, `"$patch":"delete"`) })
	apply(ctx, `"value":"10m"`, `"value":"0.98"`)
}

func caSecret(data map[string][]byte) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: stack.SystemNamespace, Name: "cacerts"}, Data: data}
}

// plug gives istiod's CA other files.
func plug(ctx context.Context, t *check.T, s *stack.Stack, data map[string][]byte) {
	t.Helper()
	secret := caSecret(data)
	err := s.Client.Create(ctx, secret)
	if err != nil {
		err = s.Client.Update(ctx, secret)
	}
	t.Expect(err).NotTo(gomega.HaveOccurred(), "write Secret %s/%s", secret.Namespace, secret.Name)
}

// step changes the CA and waits until the gateway and the service's pods have certificates
// of it and trust exactly those roots.
func (m *meshCA) step(ctx context.Context, t *check.T, what string, again bool, signer *authority, roots ...*authority) {
	t.Helper()
	s, began := m.ride.stack, time.Now()
	t.Say("%s", what)
	plug(ctx, t, s, signer.plugIn(t, roots...))
	t.Diagnose("istiod does not take the plugged-in CA", "istiod's log in the evidence says why", pluginLink)
	if again {
		restart(ctx, t, s, stack.SystemNamespace, "istiod")
	} else {
		m.refreshFiles(ctx, t, stack.SystemNamespace, kit.IstiodSelector)
	}
	m.refreshFiles(ctx, t, s.Gateway.Namespace, s.Gateway.Selector)
	m.refreshFiles(ctx, t, s.Namespace, "app="+m.ride.route.Name)
	t.Diagnose("a proxy does not get a certificate of the plugged-in CA, or not its roots", "compare Secret cacerts with istiod's log in the evidence, and with the proxies' secrets: istioctl proxy-config secret", pluginLink)
	t.Eventually(ctx, func() error { return m.renewed(ctx, signer, roots) }).WithTimeout(backTimeout).WithPolling(time.Second).Should(gomega.Succeed(), "%s", what)
	t.Observe("%s: %s until the gateway and the service had certificates of it", what, wait(time.Since(began)))
}

// refreshFiles has the kubelet look at pods at once, whose mounted files it would otherwise
// write anew only when it comes round to them, after a minute or more.
// https://kubernetes.io/docs/concepts/configuration/configmap/#mounted-configmaps-are-updated-automatically
func (m *meshCA) refreshFiles(ctx context.Context, t *check.T, namespace, selector string) {
	t.Helper()
	pods, err := m.ride.stack.ReadyPods(ctx, namespace, selector)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	for i := range pods {
		patch := fmt.Appendf(nil, `{"metadata":{"annotations":{"conformance/looked-at":%q}}}`, rand.String(8))
		t.Expect(client.IgnoreNotFound(m.ride.stack.Client.Patch(ctx, &pods[i], client.RawPatch("application/merge-patch+json", patch)))).To(gomega.Succeed())
	}
}

// renewed says which proxy is not yet as it has to be.
func (m *meshCA) renewed(ctx context.Context, signer *authority, roots []*authority) error {
	s := m.ride.stack
	gateways, err := s.ReadyPods(ctx, s.Gateway.Namespace, s.Gateway.Selector)
	if err != nil {
		return err
	}
	pods, err := s.ReadyPods(ctx, s.Namespace, "app="+m.ride.route.Name)
	if err != nil {
		return err
	}
	for _, pod := range slices.Concat(gateways, pods) {
		dump, err := s.ProxyAdmin(ctx, pod, "config_dump?resource=dynamic_active_secrets")
		if err != nil {
			return err
		}
		secrets, err := envoy.ParseSecrets([]byte(dump))
		if err != nil {
			return err
		}
		if err := holds(secrets, signer, roots); err != nil {
			return fmt.Errorf("pod %s: %w", pod.Name, err)
		}
	}
	return nil
}

// holds says what a proxy's secrets are instead of what they have to be.
func holds(secrets []envoy.Secret, signer *authority, roots []*authority) error {
	var want, trusted []string
	for _, r := range roots {
		want = append(want, r.cert.Subject.String()+" "+r.cert.SerialNumber.String())
	}
	issuer := ""
	for _, secret := range secrets {
		if len(secret.Certificates) > 0 && secret.Name == "default" && secret.Certificates[0].CheckSignatureFrom(signer.cert) == nil {
			issuer = signer.cert.Subject.CommonName
		}
		if secret.Name == "ROOTCA" {
			trusted = names(secret.Certificates)
		}
	}
	slices.Sort(want)
	if issuer == "" {
		return fmt.Errorf("its certificate is not signed by %s", signer.cert.Subject)
	}
	if !slices.Equal(trusted, want) {
		return fmt.Errorf("it trusts %s, want %s", strings.Join(trusted, ", "), strings.Join(want, ", "))
	}
	return nil
}

func names(all []*x509.Certificate) []string {
	var names []string
	for _, c := range all {
		names = append(names, c.Subject.String()+" "+c.SerialNumber.String())
	}
	slices.Sort(names)
	return slices.Compact(names)
}
