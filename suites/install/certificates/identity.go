package certificates

import (
	"context"
	"crypto/x509"
	"fmt"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/envoy"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

const (
	// defaultLifetime is what a proxy asks for unless its SECRET_TTL says otherwise.
	// https://istio.io/latest/docs/reference/commands/pilot-agent/#envvars
	defaultLifetime = 24 * time.Hour
	// clockSkew is how far before now istiod lets a certificate begin: clocks of
	// nodes differ. ClockSkewGracePeriod in Istio's security/pkg/pki/util.
	clockSkew = 2 * time.Minute
	// slack covers the time between the request and the signature.
	slack = time.Minute
)

var _ = Checks.Add(identity)

// identity looks at the certificate that the gateway's Envoy holds.
func identity(s *stack.Stack) check.Check {
	return check.Check{
		Name:     "workload-certificate",
		Promise:  "the gateway's certificate names its service account by SPIFFE, chains to the mesh's root, and lives as long as a proxy asks for",
		Parallel: true,
		Breaks: []check.Break{{
			Name: "root-replaced", Promise: "a workload whose certificate does not chain to the root that others trust is noticed",
			Make: mutation.On(s, replaceRoot), Says: "other workloads do not take for its own",
		}},
		Run: func(ctx context.Context, t *check.T) {
			pod, err := s.GatewayPod(ctx)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			roots := kit.MeshRoots(ctx, t, s, s.Gateway.Namespace)
			t.Diagnose("the gateway has a certificate that other workloads do not take for its own",
				"compare the proxy's certificate (istioctl proxy-config secret) with ConfigMap istio-ca-root-cert; a CA that was replaced needs every workload restarted",
				"https://istio.io/latest/docs/concepts/security/#pki")
			chain, err := workloadChain(ctx, s, pod)
			t.Expect(err).NotTo(gomega.HaveOccurred())
			t.Expect(spiffe(chain[0])).To(gomega.MatchRegexp("^spiffe://[^/]+/ns/"+pod.Namespace+"/sa/"+pod.Spec.ServiceAccountName+"$"), "identity of pod %s", pod.Name)
			t.Expect(verify(chain, roots.Pool)).To(gomega.Succeed(), "chain of pod %s to the roots of ConfigMap istio-ca-root-cert", pod.Name)
			if want, standard := lifetimeAsked(pod); standard {
				t.Expect(chain[0].NotAfter.Sub(chain[0].NotBefore)).To(gomega.BeNumerically("~", want+clockSkew, slack), "lifetime of the certificate of pod %s", pod.Name)
			}
			t.Observe("%s until %s", spiffe(chain[0]), chain[0].NotAfter.Format(time.RFC3339))
		},
	}
}

// workloadChain asks a pod's Envoy for its own certificate chain.
func workloadChain(ctx context.Context, s *stack.Stack, pod corev1.Pod) ([]*x509.Certificate, error) {
	dump, err := s.ProxyAdmin(ctx, pod, "config_dump?resource=dynamic_active_secrets")
	if err != nil {
		return nil, err
	}
	secrets, err := envoy.ParseSecrets([]byte(dump))
	if err != nil {
		return nil, err
	}
	for _, secret := range secrets {
		if secret.Name == "default" {
			return secret.Certificates, nil
		}
	}
	return nil, fmt.Errorf("pod %s/%s: its Envoy has no certificate of its own among %d secrets", pod.Namespace, pod.Name, len(secrets))
}

func spiffe(certificate *x509.Certificate) string {
	if len(certificate.URIs) == 0 {
		return ""
	}
	return certificate.URIs[0].String()
}

// verify follows the chain to the roots, at this moment, as a server's and as a
// client's.
func verify(chain []*x509.Certificate, roots *x509.CertPool) error {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	for _, usage := range []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth} {
		if _, err := chain[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{usage}}); err != nil {
			return err
		}
	}
	return nil
}

// lifetimeAsked is the pod's SECRET_TTL, or the default; false when the pod asks
// for something that this cannot read.
func lifetimeAsked(pod corev1.Pod) (time.Duration, bool) {
	for _, c := range append(pod.Spec.Containers, pod.Spec.InitContainers...) {
		if c.Name != "istio-proxy" {
			continue
		}
		for _, env := range c.Env {
			if env.Name == "SECRET_TTL" {
				asked, err := time.ParseDuration(env.Value)
				return asked, err == nil
			}
		}
	}
	return defaultLifetime, true
}

// replaceRoot stops istiod, which would mend it at once, and gives the gateway's
// namespace another root.
func replaceRoot(ctx context.Context, t *check.T, s *stack.Stack) {
	mutation.Scale(ctx, t, s, stack.SystemNamespace, s.Revised("istiod"), 0)
	set := func(ctx context.Context, root string) (old string) {
		m := &corev1.ConfigMap{}
		t.Expect(s.Client.Get(ctx, client.ObjectKey{Namespace: s.Gateway.Namespace, Name: "istio-ca-root-cert"}, m)).To(gomega.Succeed())
		old, m.Data["root-cert.pem"] = m.Data["root-cert.pem"], root
		t.Expect(s.Client.Update(ctx, m)).To(gomega.Succeed())
		return old
	}
	var old string
	mutation.Mend(ctx, t, func(ctx context.Context) { set(ctx, old) })
	old = set(ctx, string(kit.NewRoot(t)))
}
