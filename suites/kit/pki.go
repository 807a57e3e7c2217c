package kit

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
)

// CertificateLife is long beside a run; certificates begin as long ago, because
// the clocks of a machine and of its nodes may differ.
const CertificateLife = 24 * time.Hour

// Authority issues the certificates of one check.
type Authority struct {
	// PEM is the authority's own certificate.
	PEM []byte

	cert *x509.Certificate
	key  crypto.Signer
}

// Pair is a certificate with its key.
type Pair struct {
	Cert            *x509.Certificate
	CertPEM, KeyPEM []byte
	// TLS is the same for a client or server of Go's.
	TLS tls.Certificate
}

// NewAuthority makes a certificate authority that nobody else knows.
func NewAuthority(t *check.T, name string) *Authority {
	t.Helper()
	template := AuthorityTemplate(t, name)
	pair := issue(t, template, template, nil)
	return &Authority{PEM: pair.CertPEM, cert: pair.Cert, key: pair.TLS.PrivateKey.(crypto.Signer)}
}

// Issue makes a certificate for a server or client of the given name.
func (a *Authority) Issue(t *check.T, name string) Pair {
	t.Helper()
	template := newTemplate(t, name)
	template.DNSNames = []string{name}
	template.KeyUsage = x509.KeyUsageDigitalSignature
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	return issue(t, template, a.cert, a.key)
}

// Revoke returns a revocation list with the certificates, as PEM.
func (a *Authority) Revoke(t *check.T, revoked ...*x509.Certificate) []byte {
	t.Helper()
	now := time.Now()
	list := &x509.RevocationList{Number: big.NewInt(now.Unix()), ThisUpdate: now.Add(-CertificateLife), NextUpdate: now.Add(CertificateLife)}
	for _, cert := range revoked {
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, x509.RevocationListEntry{SerialNumber: cert.SerialNumber, RevocationTime: now.Add(-time.Hour)})
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, a.cert, a.key)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	return pem.EncodeToMemory(&pem.Block{Type: "X509 CRL", Bytes: der})
}

// Pool trusts this authority alone.
func (a *Authority) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.cert)
	return pool
}

// Secret is the data of a Secret of kind kubernetes.io/tls.
func (p Pair) Secret() map[string][]byte {
	return map[string][]byte{corev1.TLSCertKey: p.CertPEM, corev1.TLSPrivateKeyKey: p.KeyPEM}
}

// AuthorityTemplate is the template of a certificate that signs others.
func AuthorityTemplate(t *check.T, name string) *x509.Certificate {
	t.Helper()
	template := newTemplate(t, name)
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	return template
}

func newTemplate(t *check.T, name string) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	t.Expect(err).NotTo(gomega.HaveOccurred())
	now := time.Now()
	return &x509.Certificate{SerialNumber: serial, Subject: pkix.Name{CommonName: name}, NotBefore: now.Add(-CertificateLife), NotAfter: now.Add(CertificateLife)}
}

// issue signs the template; without a signer's key it signs itself.
func issue(t *check.T, template, parent *x509.Certificate, signer crypto.Signer) Pair {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	if signer == nil {
		signer = key
	}
	cert := Sign(t, template, parent, key, signer)
	return Pair{
		Cert: cert, CertPEM: CertificatePEM(cert), KeyPEM: KeyPEM(t, key),
		TLS: tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert},
	}
}

// Sign makes the certificate of a key, which the parent's key signs.
func Sign(t *check.T, template, parent *x509.Certificate, key, signer crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	cert, err := x509.ParseCertificate(der)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	return cert
}

// CertificatePEM is a certificate as PEM.
func CertificatePEM(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
}

// KeyPEM is a private key as PKCS #8.
func KeyPEM(t *check.T, key crypto.Signer) []byte {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// GatewaySecret makes a Secret where the gateway runs, which is where a Gateway's
// credentialName is looked up, and deletes it when the check ends.
func GatewaySecret(ctx context.Context, t *check.T, s *stack.Stack, name string, data map[string][]byte) {
	t.Helper()
	secret := &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Namespace: s.Gateway.Namespace, Name: name, Labels: s.OwnerLabels()}, Type: corev1.SecretTypeTLS, Data: data,
	}
	t.Expect(s.Client.Create(ctx, secret)).To(gomega.Succeed(), "Secret %s/%s", s.Gateway.Namespace, name)
	t.CleanupWithin(ctx, CleanupTimeout, func(ctx context.Context) {
		if err := s.Client.Delete(ctx, secret); client.IgnoreNotFound(err) != nil {
			t.Errorf("remove Secret %s/%s: %v", secret.Namespace, secret.Name, err)
		}
	})
}

// ReplaceSecret gives a Secret of the gateway's other data.
func ReplaceSecret(ctx context.Context, t *check.T, s *stack.Stack, name string, data map[string][]byte) {
	t.Helper()
	secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: s.Gateway.Namespace, Name: name}}
	t.Expect(s.Client.Get(ctx, client.ObjectKeyFromObject(secret), secret)).To(gomega.Succeed())
	secret.Data = data
	t.Expect(s.Client.Update(ctx, secret)).To(gomega.Succeed(), "Secret %s/%s", s.Gateway.Namespace, name)
}
