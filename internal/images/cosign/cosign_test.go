package cosign

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/onsi/gomega"
)

// publish puts an image into a new registry.
func publish(t *testing.T) name.Digest {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	ref, err := name.ParseReference(strings.TrimPrefix(server.URL, "http://") + "/istio/pilot:1.31.4")
	if err != nil {
		t.Fatal(err)
	}
	image, err := random.Image(64, 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return ref.Context().Digest(digest.String())
}

// sign puts a signature of a digest beside an image, as cosign sign does.
func sign(t *testing.T, beside name.Digest, digest string, key *ecdsa.PrivateKey) {
	t.Helper()
	payload := fmt.Sprintf(`{"critical":{"identity":{"docker-reference":"docker.io/istio/pilot"},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`, digest)
	sum := sha256.Sum256([]byte(payload))
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	image, err := mutate.Append(empty.Image, mutate.Addendum{
		Layer: static.NewLayer([]byte(payload), payloadType), MediaType: payloadType,
		Annotations: map[string]string{signatureKey: base64.StdEncoding.EncodeToString(signature)},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(beside.Context().Tag(strings.Replace(beside.DigestStr(), ":", "-", 1)+".sig"), image); err != nil {
		t.Fatal(err)
	}
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestVerify(t *testing.T) {
	g := gomega.NewWithT(t)
	image, key, other := publish(t), newKey(t), newKey(t)
	g.Expect(Verify(image, &key.PublicKey)).To(gomega.MatchError(ErrUnsigned))
	sign(t, image, "sha256:"+strings.Repeat("0", 64), key)
	g.Expect(Verify(image, &key.PublicKey)).To(gomega.MatchError(gomega.ContainSubstring("that of another image")))
	sign(t, image, image.DigestStr(), key)
	g.Expect(Verify(image, &key.PublicKey)).To(gomega.Succeed())
	g.Expect(Verify(image, &other.PublicKey)).To(gomega.MatchError(gomega.ContainSubstring("not made with this key")))
}

func TestParseKey(t *testing.T) {
	g := gomega.NewWithT(t)
	der, err := x509.MarshalPKIXPublicKey(&newKey(t).PublicKey)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	_, err = ParseKey(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	g.Expect(err).NotTo(gomega.HaveOccurred())
	_, err = ParseKey([]byte("<html>not found</html>"))
	g.Expect(err).To(gomega.MatchError(gomega.ContainSubstring("want a public key in PEM")))
}
