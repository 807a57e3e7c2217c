package outage

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
)

// authority is a certificate that signs others. Of a root parent is nil.
type authority struct {
	cert   *x509.Certificate
	key    crypto.Signer
	parent *authority
}

// life is from when to when a certificate is valid, from now.
type life struct{ from, to time.Duration }

var valid = life{-kit.CertificateLife, kit.CertificateLife}

func newRSA() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) }
func newEC() (crypto.Signer, error)  { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// newAuthority makes one that parent signs; nil makes a root.
func newAuthority(t *check.T, name string, parent *authority, newKey func() (crypto.Signer, error), l life) *authority {
	t.Helper()
	key, err := newKey()
	t.Expect(err).NotTo(gomega.HaveOccurred())
	template, now := kit.AuthorityTemplate(t, name), time.Now()
	template.NotBefore, template.NotAfter = now.Add(l.from), now.Add(l.to)
	by := &authority{cert: template, key: key}
	if parent != nil {
		by = parent
	}
	return &authority{kit.Sign(t, template, by.cert, key, by.key), key, parent}
}

// ownAuthority is the root that istiod made for itself, from Secret istio-ca-secret.
func ownAuthority(ctx context.Context, t *check.T, s *stack.Stack) *authority {
	t.Helper()
	secret := &corev1.Secret{}
	t.Expect(s.Client.Get(ctx, client.ObjectKey{Namespace: stack.SystemNamespace, Name: "istio-ca-secret"}, secret)).To(gomega.Succeed())
	certificate, _ := pem.Decode(secret.Data["ca-cert.pem"])
	private, _ := pem.Decode(secret.Data["ca-key.pem"])
	t.Expect(certificate != nil && private != nil).To(gomega.BeTrue(), "Secret istio-ca-secret holds PEM")
	cert, err := x509.ParseCertificate(certificate.Bytes)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	if key, err := x509.ParsePKCS1PrivateKey(private.Bytes); err == nil {
		return &authority{cert: cert, key: key}
	}
	parsed, err := x509.ParsePKCS8PrivateKey(private.Bytes)
	t.Expect(err).NotTo(gomega.HaveOccurred(), "the key in Secret istio-ca-secret")
	key, is := parsed.(crypto.Signer)
	t.Expect(is).To(gomega.BeTrue(), "the key in Secret istio-ca-secret signs")
	return &authority{cert: cert, key: key}
}

// chain is from the authority to its root.
func (a *authority) chain() []byte {
	var all []byte
	for at := a; at != nil; at = at.parent {
		all = append(all, kit.CertificatePEM(at.cert)...)
	}
	return all
}

// plugIn is the data of Secret cacerts: who signs, and which roots are trusted.
// https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
func (a *authority) plugIn(t *check.T, roots ...*authority) map[string][]byte {
	t.Helper()
	var trusted []byte
	for _, r := range roots {
		trusted = append(trusted, kit.CertificatePEM(r.cert)...)
	}
	return map[string][]byte{"ca-cert.pem": kit.CertificatePEM(a.cert), "ca-key.pem": kit.KeyPEM(t, a.key), "cert-chain.pem": a.chain(), "root-cert.pem": trusted}
}
