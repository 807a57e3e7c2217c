package envoy

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
)

// workloadSecret is the name by which Istio's proxies ask for their own certificate.
const workloadSecret = "default"

// WorkloadCertificate returns the certificate by which a proxy shows who it is to
// others of the mesh, from the answer of GET
// /config_dump?resource=dynamic_active_secrets. Envoy leaves keys out of it.
func WorkloadCertificate(dump []byte) (*x509.Certificate, error) {
	var answer struct {
		Configs []struct {
			Name   string `json:"name"`
			Secret struct {
				TLS struct {
					Chain struct {
						Bytes []byte `json:"inline_bytes"`
					} `json:"certificate_chain"`
				} `json:"tls_certificate"`
			} `json:"secret"`
		} `json:"configs"`
	}
	if err := json.Unmarshal(dump, &answer); err != nil {
		return nil, fmt.Errorf("envoy's secrets: %w", err)
	}
	for _, c := range answer.Configs {
		if c.Name != workloadSecret {
			continue
		}
		// The first of the chain is the proxy's own.
		block, _ := pem.Decode(c.Secret.TLS.Chain.Bytes)
		if block == nil {
			return nil, fmt.Errorf("envoy's secret %s: no certificate in PEM", c.Name)
		}
		return x509.ParseCertificate(block.Bytes)
	}
	return nil, errors.New("envoy's secrets: none has the name " + workloadSecret)
}

// Fingerprint is how Envoy names a certificate in X-Forwarded-Client-Cert: the
// SHA-256 of its DER, in hexadecimal.
func Fingerprint(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return hex.EncodeToString(sum[:])
}
