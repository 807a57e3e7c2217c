package mirror

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Sign puts a signature of an image of the repository beside it, as cosign sign does.
// Source: https://github.com/sigstore/cosign/blob/main/specs/SIGNATURE_SPEC.md
func (m *Mirror) Sign(ctx context.Context, repository string, digest v1.Hash, key *ecdsa.PrivateKey) error {
	payload := fmt.Appendf(nil, `{"critical":{"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"}}`, digest)
	sum := sha256.Sum256(payload)
	signature, err := ecdsa.SignASN1(rand.Reader, key, sum[:])
	if err != nil {
		return fmt.Errorf("sign %s@%s: %w", repository, digest, err)
	}
	const payloadType types.MediaType = "application/vnd.dev.cosign.simplesigning.v1+json"
	signed, err := mutate.Append(empty.Image, mutate.Addendum{
		Layer: static.NewLayer(payload, payloadType), MediaType: payloadType,
		Annotations: map[string]string{"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(signature)},
	})
	if err != nil {
		return fmt.Errorf("sign %s@%s: %w", repository, digest, err)
	}
	return m.Push(ctx, repository+":sha256-"+digest.Hex+".sig", signed)
}
