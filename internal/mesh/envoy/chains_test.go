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
	"time"

	"github.com/onsi/gomega"
)

func TestParseSecrets(t *testing.T) {
	g := gomega.NewWithT(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	template := &x509.Certificate{SerialNumber: big.NewInt(7), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	text := base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	got, err := ParseSecrets(fmt.Appendf(nil, `{"configs":[
		{"@type":%q,"name":"default","secret":{"tls_certificate":{"certificate_chain":{"inline_bytes":%q},"private_key":{"inline_bytes":"W3JlZGFjdGVkXQ=="}}}},
		{"@type":%q,"name":"ROOTCA","secret":{"validation_context":{"trusted_ca":{"inline_bytes":%q}}}},
		{"@type":%q,"name":"warming","secret":{}},
		{"@type":"other"}]}`, dynamicSecret, text, dynamicSecret, text, dynamicSecret))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	g.Expect(got).To(gomega.HaveLen(2))
	g.Expect(got[0].Name).To(gomega.Equal("default"))
	g.Expect(got[0].Certificates[0].SerialNumber.Int64()).To(gomega.Equal(int64(7)))
	g.Expect(got[1].Name).To(gomega.Equal("ROOTCA"))
	_, err = ParseSecrets([]byte("no JSON"))
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("envoy's secrets")))
}
