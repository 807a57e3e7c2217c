package envoy

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
)

// workloadSecret is the name by which Istio's proxies ask for their own certificate.
const workloadSecret = "default"

// WorkloadCertificate returns the certificate by which a proxy shows who it is to
// others of the mesh, from the answer of GET
// /config_dump?resource=dynamic_active_secrets. Envoy leaves keys out of it.
func WorkloadCertificate(dump []byte) (*x509.Certificate, error) {
	secrets, err := ParseSecrets(dump)
	if err != nil {
		return nil, err
	}
	for _, secret := range secrets {
		if secret.Name == workloadSecret {
			return secret.Certificates[0], nil // of the chain, the first is the proxy's own
		}
	}
	return nil, errors.New("envoy's secrets: none with a certificate has the name " + workloadSecret)
}

// Fingerprint is how Envoy names a certificate in X-Forwarded-Client-Cert: the
// SHA-256 of its DER, in hexadecimal.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}
