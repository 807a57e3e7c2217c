// Package cosign checks signatures that cosign made with a key of its own and keeps in
// the registry, beside the image. Source of the format: sigstore/cosign,
// specs/SIGNATURE_SPEC.md.
package cosign

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"istio-conformance/internal/process/fetch"
)

const (
	// payloadType is the media type of the layer that is signed.
	payloadType types.MediaType = "application/vnd.dev.cosign.simplesigning.v1+json"
	// signatureKey is the annotation of that layer with the signature in base64.
	signatureKey = "dev.cosignproject.cosign/signature"
	// payloadKind is what the payload says of itself.
	payloadKind = "cosign container image signature"
	// maxPayload bounds what is read of a payload.
	maxPayload = 1 << 20
)

// ErrUnsigned says that the registry has no signature of an image.
var ErrUnsigned = errors.New("has no signature")

// ParseKey reads a public key in PEM.
func ParseKey(text []byte) (crypto.PublicKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, errors.New("want a public key in PEM, -----BEGIN PUBLIC KEY-----")
	}
	return x509.ParsePKIXPublicKey(block.Bytes)
}

// Verify returns nil when one of the image's signatures was made with the key, and
// ErrUnsigned when it has none.
func Verify(image name.Digest, key crypto.PublicKey, options ...remote.Option) error {
	tag := image.Context().Tag(strings.Replace(image.DigestStr(), ":", "-", 1) + ".sig")
	signatures, err := remote.Image(tag, options...)
	if fetch.Status(err) == http.StatusNotFound {
		return ErrUnsigned
	}
	if err != nil {
		return fmt.Errorf("read its signature: %w", err)
	}
	manifest, err := signatures.Manifest()
	if err != nil {
		return fmt.Errorf("read its signature: %w", err)
	}
	why := ErrUnsigned
	for i := range manifest.Layers {
		if manifest.Layers[i].MediaType != payloadType {
			continue
		}
		if why = verifyLayer(signatures, &manifest.Layers[i], image.DigestStr(), key); why == nil {
			return nil
		}
	}
	return why
}

func verifyLayer(signatures v1.Image, layer *v1.Descriptor, digest string, key crypto.PublicKey) (err error) {
	signature, err := base64.StdEncoding.DecodeString(layer.Annotations[signatureKey])
	if err != nil || len(signature) == 0 {
		return errors.New("its signature is not readable")
	}
	blob, err := signatures.LayerByDigest(layer.Digest)
	if err != nil {
		return fmt.Errorf("read its signature: %w", err)
	}
	content, err := blob.Compressed() // as it is: nothing is compressed
	if err != nil {
		return fmt.Errorf("read its signature: %w", err)
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	payload, err := io.ReadAll(io.LimitReader(content, maxPayload))
	if err != nil {
		return fmt.Errorf("read its signature: %w", err)
	}
	if !signed(key, payload, signature) {
		return errors.New("its signature was not made with this key")
	}
	var says struct {
		Critical struct {
			Type  string `json:"type"`
			Image struct {
				Digest string `json:"docker-manifest-digest"`
			} `json:"image"`
		} `json:"critical"`
	}
	if err := json.Unmarshal(payload, &says); err != nil {
		return fmt.Errorf("read what is signed: %w", err)
	}
	if says.Critical.Type != payloadKind || says.Critical.Image.Digest != digest {
		return fmt.Errorf("its signature is that of another image, %s", says.Critical.Image.Digest)
	}
	return nil
}

// signed says whether the signature is one of the payload by the key.
func signed(key crypto.PublicKey, payload, signature []byte) bool {
	sum := sha256.Sum256(payload)
	switch key := key.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, sum[:], signature)
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], signature) == nil
	case ed25519.PublicKey:
		return ed25519.Verify(key, payload, signature)
	}
	return false
}
