package stage

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// issuerKey signs the tokens of every issuer of a rehearsal, in the place of the issuers'
// own keys, which a capture has not.
var issuerKey = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// expires is when every token of a rehearsal ends, in seconds: one time for all, so that a
// token is the same whenever it is asked for. It is later than any rehearsal.
var expires = sync.OnceValue(func() int64 { return time.Now().Add(24 * time.Hour).Unix() })

// Token is a token of an issuer, for an audience where there is one.
func Token(issuer, audience string) (string, error) {
	key, err := issuerKey()
	if err != nil {
		return "", err
	}
	claims := map[string]any{"iss": issuer, "sub": "rehearsal", "exp": expires()}
	if audience != "" {
		claims["aud"] = audience
	}
	text := part(map[string]any{"alg": "RS256", "kid": "rehearsal"}) + "." + part(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	return text + "." + base64.RawURLEncoding.EncodeToString(signature), err
}

// part is a part of a token.
func part(fields map[string]any) string {
	content, _ := json.Marshal(fields) // strings and numbers always become JSON
	return base64.RawURLEncoding.EncodeToString(content)
}

// issuers gives each RequestAuthentication the key by which Token signs.
func (b *builder) issuers() {
	for _, u := range b.stage.Configuration {
		rules, found, _ := unstructured.NestedSlice(u.Object, "spec", "jwtRules")
		if u.GetKind() != "RequestAuthentication" || !found {
			continue
		}
		key, err := issuerKey()
		if err != nil {
			b.failed = fmt.Errorf("key for the tokens of a rehearsal: %w", err)
			return
		}
		set, _ := json.Marshal(map[string]any{"keys": []any{map[string]any{ // strings always become JSON
			"kty": "RSA", "alg": "RS256", "kid": "rehearsal", "use": "sig",
			"n": base64.RawURLEncoding.EncodeToString(key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(big.NewInt(int64(key.E)).Bytes()),
		}}})
		for _, rule := range rules {
			if r, ok := rule.(map[string]any); ok {
				delete(r, "jwksUri")
				r["jwks"] = string(set)
			}
		}
		u.Object["spec"].(map[string]any)["jwtRules"] = rules
		b.note("tokens are signed by a key of the rehearsal, and not by their issuers' own")
	}
}
