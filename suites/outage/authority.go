package outage

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// authorityLife is long beside a check; certificates begin as long ago, because the clocks
// of a machine and of its nodes may differ.
const authorityLife = 24 * time.Hour

// authority is a certificate that signs others. Of a root parent is nil.
type authority struct {
	cert   *x509.Certificate
	key    crypto.Signer
	parent *authority
}

// life is from when to when a certificate is valid, from now.
type life struct{ from, to time.Duration }

var valid = life{-authorityLife, authorityLife}

func newRSA() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) }
func newEC() (crypto.Signer, error)  { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }

// newAuthority makes one that parent signs; nil makes a root.
func newAuthority(t *check.T, name string, parent *authority, newKey func() (crypto.Signer, error), l life) *authority {
	t.Helper()
	key, err := newKey()
	t.Expect(err).NotTo(gomega.HaveOccurred())
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	t.Expect(err).NotTo(gomega.HaveOccurred())
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(l.from), NotAfter: now.Add(l.to),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	by := &authority{cert: template, key: key}
	if parent != nil {
		by = parent
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, key.Public(), by.key)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	cert, err := x509.ParseCertificate(der)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	return &authority{cert, key, parent}
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

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw})
}

// chain is from the authority to its root.
func (a *authority) chain() []byte {
	var all []byte
	for at := a; at != nil; at = at.parent {
		all = append(all, at.pem()...)
	}
	return all
}

// keyPEM is the private key as PKCS #8.
func (a *authority) keyPEM(t *check.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// plugIn is the data of Secret cacerts: who signs, and which roots are trusted.
// https://istio.io/latest/docs/tasks/security/cert-management/plugin-ca-cert/
func (a *authority) plugIn(t *check.T, roots ...*authority) map[string][]byte {
	t.Helper()
	var trusted []byte
	for _, r := range roots {
		trusted = append(trusted, r.pem()...)
	}
	return map[string][]byte{"ca-cert.pem": a.pem(), "ca-key.pem": a.keyPEM(t), "cert-chain.pem": a.chain(), "root-cert.pem": trusted}
}
