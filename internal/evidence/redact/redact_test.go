package redact

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"

	"github.com/onsi/gomega"
)

// planted is a word that must never come out again.
const planted = "Pl4nted-S3cret"

// key makes a private key in PEM.
func key(t *testing.T, kind string) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	gomega.NewWithT(t).Expect(err).NotTo(gomega.HaveOccurred())
	der, err := x509.MarshalPKCS8PrivateKey(private)
	gomega.NewWithT(t).Expect(err).NotTo(gomega.HaveOccurred())
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func TestPlantedSecretsAreRemoved(t *testing.T) {
	pemKey := key(t, "PRIVATE KEY")
	middle := strings.Split(pemKey, "\n")[1]
	escaped, err := json.Marshal(map[string]string{"inline_string": pemKey})
	gomega.NewWithT(t).Expect(err).NotTo(gomega.HaveOccurred())
	segment := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	jwt := segment(`{"alg":"RS256","kid":"x"}`) + "." + segment(`{"sub":"`+planted+`"}`) + "." + segment("signature-bytes")
	// In each text § stands for what must not come out.
	cases := []struct{ name, text, secret string }{
		{"a private key", "log line\n§\nnext line", pemKey},
		{"a private key that is cut off", "§", strings.Split(pemKey, "-----END")[0]},
		{"a private key in JSON", string(escaped), middle},
		{"a JSON web token", "level=info token=§ ok", jwt},
		{"a JSON web token in a mount's log", "read § from file", jwt},
		{"a bearer token in a header", "> Authorization: Bearer §", planted + "opaque"},
		{"a bearer token in JSON", `{"authorization":"Bearer §","x":1}`, planted + "opaque"},
		{"a bearer token in a list", `{"Authorization":["Bearer §"]}`, planted + "opaque"},
		{"a bearer token alone", "sent bearer § to x", planted + "opaque"},
		{"basic credentials", "authorization: Basic §", base64.StdEncoding.EncodeToString([]byte("user:" + planted))},
		{"credentials in a URL", "GET https://admin:§@registry.example/v2/ failed", planted},
		{"a user without a name in a URL", "redis://:§@cache:6379", planted},
		{"a token in a URL", "GET /callback?x=1&access_token=§&y=2 HTTP/1.1", planted},
		{"a cookie", "< Set-Cookie: session=§; HttpOnly", planted},
		{"a kubeconfig's token", "users:\n- name: me\n  user:\n    token: §\n", planted},
		{"a kubeconfig's key", "    client-key-data: §\n", base64.StdEncoding.EncodeToString([]byte(pemKey))},
		{"a kubeconfig's password", "    username: admin\n    password: §\n", planted},
		{"Helm values", "config:\n  dbPassword: §\n  replicas: 2\n", planted},
		{"a block of text", "config:\n  dbPassword: |-\n    §\n  replicas: 2\n", planted},
		{"quoted Helm values", "config:\n  clientSecret: \"§\"\n", planted},
		{"JSON values", `{"config":{"apiKey":"§","replicas":2}}`, planted},
		{"a value in a flow map", `{a: 1, "client_secret": "§"}`, planted},
		{"an environment variable in YAML", "    env:\n    - name: DB_PASSWORD\n      value: §\n    - name: LOG\n", planted},
		{"an environment variable in JSON", `[{"name":"AWS_SECRET_ACCESS_KEY","value":"§"}]`, planted},
		{"a shell's environment", "GITHUB_TOKEN=§\nHOME=/root", planted},
		{"an argument", "args: --db-password=§ --verbose", planted},
		{"an argument behind a blank", "run --token § --verbose", planted},
		{"a cloud key", "id § in eu-west-1", "AKIA" + strings.Repeat("Q", 16)},
		{"a forge's token", "clone with §", "ghp_" + strings.Repeat("a1", 18)},
		{"a Secret in YAML", "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\ndata:\n  anything: §\ntype: Opaque\n", planted},
		{"a Secret in YAML, kind last", "apiVersion: v1\ndata:\n  anything: §\nkind: Secret\n", planted},
		{"a Secret in an annotation", `last-applied: '{"apiVersion":"v1","data":{"anything":"§"},"kind":"Secret","metadata":{}}'`, planted},
		{"a Secret in escaped JSON", `"{\"kind\":\"Secret\",\"stringData\":{\"anything\":\"§\"}}"`, planted},
		{"a registry's credentials", `{"auths":{"r.example":{"auth":"§"}}}`, base64.StdEncoding.EncodeToString([]byte("u:" + planted))},
	}
	for _, kind := range []string{"PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "OPENSSH PRIVATE KEY", "DSA PRIVATE KEY"} {
		encoded := base64.StdEncoding.EncodeToString([]byte(key(t, kind)))
		cases = append(cases, struct{ name, text, secret string }{"a base64 " + kind, `"inline_bytes": "§"`, encoded})
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			text := strings.ReplaceAll(c.text, "§", c.secret)
			g.Expect(text).To(gomega.ContainSubstring(c.secret), "the case plants nothing")
			clean, changed := Bytes([]byte(text))
			g.Expect(string(clean)).NotTo(gomega.ContainSubstring(c.secret))
			g.Expect(string(clean)).NotTo(gomega.ContainSubstring(planted))
			g.Expect(changed).To(gomega.BeNumerically(">", 0))
			// Once clean it stays as it is.
			again, _ := Bytes(clean)
			g.Expect(string(again)).To(gomega.Equal(string(clean)))
		})
	}
}

func TestWhatAReaderNeedsStays(t *testing.T) {
	certificate := "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----"
	for _, text := range []string{
		certificate,
		"caBundle: " + base64.StdEncoding.EncodeToString([]byte(certificate)),
		"credentialName: shop-cert\n",
		"secretName: istio-ca-secret\n",
		"    secret:\n      secretName: istiod-tls\n",
		"- serviceAccountToken:\n    audience: istio-ca\n    path: istio-token\n",
		"automountServiceAccountToken: true\n",
		"kind: Secret\nmetadata:\n  name: x\n",
		"GET http://127.0.0.1:15000/clusters HTTP/1.1",
		"outbound|80||backend.shop.svc.cluster.local::10.0.0.1:8080::rq_total::4",
		"sds: sni kubernetes://shop-cert-cacert",
		"a user@example.com asked",
		"authority: shop.example:8080",
	} {
		t.Run(fmt.Sprintf("%.30q", text), func(t *testing.T) {
			g := gomega.NewWithT(t)
			clean, changed := Bytes([]byte(text))
			g.Expect(string(clean)).To(gomega.Equal(text))
			g.Expect(changed).To(gomega.BeZero())
		})
	}
}
