package kit

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
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

// Roots is what the mesh trusts.
type Roots struct {
	// PEM is as the cluster holds it.
	PEM  string
	Pool *x509.CertPool
}

// MeshRoots reads the root certificates that istiod gives to a namespace.
func MeshRoots(ctx context.Context, t *check.T, s *stack.Stack, namespace string) Roots {
	t.Helper()
	root := &corev1.ConfigMap{}
	key := client.ObjectKey{Namespace: namespace, Name: "istio-ca-root-cert"}
	t.Eventually(ctx, func() error { return s.Client.Get(ctx, key, root) }).Should(gomega.Succeed(), "ConfigMap %s, which istiod writes", key)
	r := Roots{PEM: root.Data["root-cert.pem"], Pool: x509.NewCertPool()}
	t.Expect(r.Pool.AppendCertsFromPEM([]byte(r.PEM))).To(gomega.BeTrue(), "ConfigMap %s holds no certificate", key)
	return r
}

// SameCertificates reports whether two lists of PEM certificates hold the same
// ones, whatever stands between them.
func SameCertificates(a, b []byte) bool {
	first, second := certificates(a), certificates(b)
	if len(first) == 0 || len(first) != len(second) {
		return false
	}
	for der := range first {
		if !second[der] {
			return false
		}
	}
	return true
}

func certificates(data []byte) map[string]bool {
	found := map[string]bool{}
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return found
		}
		found[string(block.Bytes)] = true
	}
}

// NewRoot returns a root certificate that nobody has a use for, as PEM.
func NewRoot(t *check.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "conformance"}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}
