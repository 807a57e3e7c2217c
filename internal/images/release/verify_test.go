package release

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/onsi/gomega"

	"istio-conformance/internal/mesh/istio"
	"istio-conformance/internal/process/exitcode"
)

// writeKey writes a public key and returns its path.
func writeKey(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key.pub")
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSignatures(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	all := []string{"istio/pilot", "istio/proxyv2", "istio/install-cni"}
	for _, c := range []struct {
		what   string
		signed []string
		by     *ecdsa.PrivateKey
		verify string
		tagged bool // the node image is named by a tag
		noKey  bool
		says   string // of the error
		notes  string
	}{
		{what: "all signed", signed: all, by: key, notes: "signed with "},
		{what: "all signed, required", signed: all, by: key, verify: VerifyRequired, notes: "signed with "},
		{what: "none signed", notes: "without a signature that was checked: "},
		{what: "none signed, required", verify: VerifyRequired, says: "istio/pilot:1.31.0: has no signature"},
		{what: "one not signed, required", signed: all[:2], by: key, verify: VerifyRequired, says: "istio/install-cni:1.31.0: has no signature"},
		{what: "one not signed", signed: all[:2], by: key, notes: "istio/install-cni:1.31.0"},
		{what: "signed by another key", signed: all, by: other, says: "its signature was not made with this key: it is not what Istio's project signed"},
		{what: "signed by another key, off", signed: all, by: other, verify: VerifyOff},
		{what: "no key", signed: all, by: key, noKey: true, notes: "signatures of Istio's images were not checked: the public key"},
		{what: "no key, required", signed: all, by: key, noKey: true, verify: VerifyRequired, says: "VERIFY=required: the public key"},
		{what: "a node image by its tag, required", signed: all, by: key, tagged: true, verify: VerifyRequired, says: "is named by a tag, which may be moved"},
	} {
		t.Run(c.what, func(t *testing.T) {
			g := gomega.NewWithT(t)
			m, engine := published(t), newEngine()
			for _, repository := range all {
				image := push(t, m, repository+":1.31.0", "")
				for _, signed := range c.signed {
					if signed == repository {
						digest, err := image.Digest()
						g.Expect(err).NotTo(gomega.HaveOccurred())
						g.Expect(m.Sign(t.Context(), repository, digest, c.by)).To(gomega.Succeed())
					}
				}
			}
			digest, err := push(t, m, "kindest/node:v1.36.4", "").Digest()
			g.Expect(err).NotTo(gomega.HaveOccurred())
			node := m.Host + "/kindest/node@" + digest.String()
			if c.tagged {
				node = m.Host + "/kindest/node:v1.36.4"
			}
			from := writeKey(t, key)
			if c.noKey {
				from = filepath.Join(t.TempDir(), "none")
			}
			set, err := New(Options{
				Nodes: map[string]string{"v1.36.4": node}, Charts: chartRepository(t, m, "1.31.0"), Hub: m.Host + "/istio", Trust: Trust{Verify: c.verify},
				KeyOf: func(string) string { return from }, Images: render, Root: checkout(t), CacheDir: t.TempDir(), Engine: engine, Logf: t.Logf,
			}).Prepare(t.Context(), istio.Pair{Istio: "1.31.0", Kubernetes: "v1.36.4"})
			if c.says != "" {
				g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring(c.says)))
				g.Expect(exitcode.Of(err)).To(gomega.Equal(exitcode.Environment))
				return
			}
			g.Expect(err).NotTo(gomega.HaveOccurred())
			g.Expect(strings.Join(set.Notes, "\n")).To(gomega.ContainSubstring(c.notes))
			if c.notes == "" {
				g.Expect(set.Notes).To(gomega.BeEmpty())
			}
		})
	}
}

func TestTheKeyMayBeAURL(t *testing.T) {
	g := gomega.NewWithT(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	server := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(writeKey(t, key)))))
	t.Cleanup(server.Close)
	s := New(Options{Logf: t.Logf})
	_, err = s.key(t.Context(), server.URL+"/key.pub")
	g.Expect(err).NotTo(gomega.HaveOccurred())
	_, err = s.key(t.Context(), server.URL+"/none.pub")
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("it answers 404 Not Found; VERIFY_KEY=<file or URL> names another")))
	g.Expect(Trust{Verify: "maybe"}.Check()).To(gomega.MatchError(gomega.ContainSubstring("VERIFY=maybe: want if-there, required or off")))
}
