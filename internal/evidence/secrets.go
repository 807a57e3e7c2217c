package evidence

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"istio-conformance/internal/evidence/redact"
)

// summarySecret keeps the names of a Secret's keys, how long each value is, and
// of certificates, which are public, for whom and until when.
func summarySecret(u *unstructured.Unstructured) map[string]any {
	data, _, _ := unstructured.NestedStringMap(u.Object, "data")
	keys := map[string]any{}
	certificates := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(data)) {
		decoded, err := base64.StdEncoding.DecodeString(data[key])
		if err != nil {
			decoded = []byte(data[key])
		}
		keys[key] = redact.Value(len(decoded))
		if found := Certificates(decoded); len(found) > 0 {
			certificates[key] = found
		}
	}
	u.Object["data"] = keys
	delete(u.Object, "stringData")
	if len(certificates) > 0 {
		u.Object["certificates"] = certificates
	}
	return u.Object
}

// Certificates describes the certificates in a PEM text; keys in it are not
// looked at.
func Certificates(content []byte) []any {
	var found []any
	for {
		var block *pem.Block
		if block, content = pem.Decode(content); block == nil {
			return found
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		parsed, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			found = append(found, map[string]any{"error": err.Error()})
			continue
		}
		names := make([]any, 0, len(parsed.DNSNames))
		for _, name := range parsed.DNSNames {
			names = append(names, name)
		}
		for _, address := range parsed.IPAddresses {
			names = append(names, address.String())
		}
		for _, uri := range parsed.URIs {
			names = append(names, uri.String())
		}
		found = append(found, map[string]any{
			"subject": parsed.Subject.String(), "issuer": parsed.Issuer.String(), "names": names, "ca": parsed.IsCA, "key": parsed.PublicKeyAlgorithm.String(),
			"notBefore": parsed.NotBefore.UTC().Format(time.RFC3339), "notAfter": parsed.NotAfter.UTC().Format(time.RFC3339),
		})
	}
}
