package envoy

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"testing"
)

func TestWorkloadCertificate(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(42)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	chain := base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	entry := `{"@type":"` + dynamicSecret + `","name":%q,"secret":{"tls_certificate":{"certificate_chain":{"inline_bytes":%q}}}}`
	found, err := WorkloadCertificate([]byte(`{"configs":[{"name":"ROOTCA"},` + fmt.Sprintf(entry, "default", chain) + `]}`))
	if err != nil || found.SerialNumber.Int64() != 42 {
		t.Errorf("got %v, %v", found, err)
	}
	if len(Fingerprint(found)) != 64 {
		t.Errorf("fingerprint %q", Fingerprint(found))
	}
	for _, bad := range []string{"", `{"configs":[]}`, `{"configs":[` + fmt.Sprintf(entry, "default", "") + `]}`} {
		if _, err := WorkloadCertificate([]byte(bad)); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
