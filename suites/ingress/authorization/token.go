package authorization

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"

	"github.com/onsi/gomega"

	"istio-conformance/internal/check"
)

// keyBits is the smallest RSA key that Envoy takes.
const keyBits = 2048

// issuer signs JSON web tokens with RS256. https://www.rfc-editor.org/rfc/rfc7519
type issuer struct {
	name string
	key  *rsa.PrivateKey
}

// claims are what a token says; Expires is in seconds since 1970. Istio names who
// asks "<issuer>/<subject>": without a subject it is nobody.
type claims struct {
	Issuer   string `json:"iss"`
	Subject  string `json:"sub"`
	Audience string `json:"aud"`
	Expires  int64  `json:"exp"`
}

func newIssuer(t *check.T, name string) *issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	return &issuer{name: name, key: key}
}

// keys is the issuer's JSON Web Key Set. https://www.rfc-editor.org/rfc/rfc7517
func (i *issuer) keys(t *check.T) string {
	t.Helper()
	set, err := json.Marshal(map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": "1",
		"n": encode(i.key.N.Bytes()), "e": encode(big.NewInt(int64(i.key.E)).Bytes()),
	}}})
	t.Expect(err).NotTo(gomega.HaveOccurred())
	return string(set)
}

// token signs claims.
func (i *issuer) token(t *check.T, c claims) string {
	t.Helper()
	body, err := json.Marshal(c)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	signed := encode([]byte(`{"alg":"RS256","kid":"1","typ":"JWT"}`)) + "." + encode(body)
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, sum[:])
	t.Expect(err).NotTo(gomega.HaveOccurred())
	return signed + "." + encode(signature)
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
