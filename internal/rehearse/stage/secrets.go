package stage

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/internal/rehearse/capture"
)

// secrets makes certificates anew for the same names. Their keys are nobody's.
func (b *builder) secrets() {
	for _, o := range b.mesh.Of("Secret") {
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace(), Name: o.Name()}, Type: corev1.SecretTypeOpaque, Data: map[string][]byte{}}
		if kind, _ := o.Fields("type").(string); kind == string(corev1.SecretTypeTLS) {
			secret.Type = corev1.SecretTypeTLS
		}
		certificate, key, err := selfSigned(namesOf(o))
		if err != nil {
			b.failed = fmt.Errorf("%s: %w", o, err)
			return
		}
		keys, _ := o.Fields("keys").([]any)
		for _, k := range keys {
			name, _ := k.(string)
			switch name {
			case "tls.key", "key":
				secret.Data[name] = key
			default:
				secret.Data[name] = certificate
			}
		}
		b.add(&b.stage.First, "v1", "Secret", secret)
	}
}

// namesOf are the names in the first certificate of a Secret's shape.
func namesOf(o *capture.Object) []string {
	var names []string
	for _, key := range []string{"tls.crt", "cert"} {
		chain, _ := o.Fields("certificates", key).([]any)
		if len(chain) == 0 {
			continue
		}
		first, _ := chain[0].(map[string]any)
		list, _ := first["names"].([]any)
		for _, name := range list {
			if s, ok := name.(string); ok {
				names = append(names, s)
			}
		}
	}
	return names
}

func selfSigned(names []string) (certificate, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "rehearsal"}, DNSNames: names,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, nil, err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: encoded}), nil
}
