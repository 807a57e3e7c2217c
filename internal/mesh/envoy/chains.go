package envoy

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
)

// dynamicSecret is an entry of the config dump for a secret that came by SDS:
// envoy.admin.v3.SecretsConfigDump.DynamicSecret.
const dynamicSecret = "type.googleapis.com/envoy.admin.v3.SecretsConfigDump.DynamicSecret"

// Secret is what an Envoy got by SDS under one name, without the private key.
type Secret struct {
	// Name is "default" for the workload's own certificate and "ROOTCA" for what
	// it trusts.
	Name string
	// Certificates are the chain, the workload's own first, or the roots.
	Certificates []*x509.Certificate
}

// inline is bytes in the configuration itself.
type inline struct {
	InlineBytes  []byte `json:"inline_bytes"`
	InlineString string `json:"inline_string"`
}

// ParseSecrets reads the answer of GET /config_dump?resource=dynamic_active_secrets.
// A secret without certificates is passed over.
func ParseSecrets(data []byte) ([]Secret, error) {
	var dump struct {
		Configs []struct {
			Type   string `json:"@type"`
			Name   string `json:"name"`
			Secret struct {
				TLSCertificate struct {
					Chain inline `json:"certificate_chain"`
				} `json:"tls_certificate"`
				Validation struct {
					Trusted inline `json:"trusted_ca"`
				} `json:"validation_context"`
			} `json:"secret"`
		} `json:"configs"`
	}
	if err := json.Unmarshal(data, &dump); err != nil {
		return nil, fmt.Errorf("envoy's secrets: %w", err)
	}
	var found []Secret
	for _, c := range dump.Configs {
		if c.Type != dynamicSecret {
			continue
		}
		s := Secret{Name: c.Name}
		for _, source := range []inline{c.Secret.TLSCertificate.Chain, c.Secret.Validation.Trusted} {
			some, err := certificates(append(source.InlineBytes, source.InlineString...))
			if err != nil {
				return nil, fmt.Errorf("envoy's secret %s: %w", c.Name, err)
			}
			s.Certificates = append(s.Certificates, some...)
		}
		if len(s.Certificates) > 0 {
			found = append(found, s)
		}
	}
	return found, nil
}

func certificates(data []byte) ([]*x509.Certificate, error) {
	var all []*x509.Certificate
	for {
		var block *pem.Block
		if block, data = pem.Decode(data); block == nil {
			return all, nil
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, err
		}
		all = append(all, certificate)
	}
}
