package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"fmt"
	"math/big"
	"time"
)

// certificateLife is longer than any test cluster's.
const certificateLife = 30 * 24 * time.Hour

type tlsConfig = tls.Config

// certificate is the backend's own: it shows that TLS ends here and not before.
type certificate struct {
	pair tls.Certificate
	// sha256 is of the certificate's DER, in hexadecimal.
	sha256 string
}

// newCertificate makes a self-signed certificate in the pod's name.
func newCertificate(pod string) (certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return certificate{}, fmt.Errorf("make a key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: pod}, DNSNames: []string{pod, "*.conformance.test"},
		// Some time ago: the clocks of two machines differ.
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(certificateLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return certificate{}, fmt.Errorf("make a certificate: %w", err)
	}
	sum := sha256.Sum256(der)
	return certificate{pair: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, sha256: hex.EncodeToString(sum[:])}, nil
}

func (b *backend) tlsConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{b.certificate.pair}}
}
