package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"

	"istio-conformance/internal/images/release"
	"istio-conformance/internal/process/exitcode"
)

func trustFaults() []fault {
	const env = exitcode.Environment
	rows := []fault{
		bad("VERIFY=required, all signed", signed(release.VerifyRequired, istioImages...), 0, "", ""),
		bad("VERIFY=required, one image not signed", signed(release.VerifyRequired, "proxyv2", "install-cni"), env, "has no signature: it is not what Istio's project signed with ", ""),
		bad("VERIFY=required, the node image by its tag", with("VERIFY="+release.VerifyRequired), env, "is named by a tag, which may be moved: name its digest", ""),
		bad("signed with another key", signedByAnother, env, "its signature was not made with this key: it is not what Istio's project signed with ", ""),
	}
	for i := range rows {
		rows[i].stays = true
	}
	return rows
}

// signed has images of the trial signed, names the node image by its digest, and asks
// for verification.
func signed(verify string, images ...string) func(*trial) error {
	return func(t *trial) error {
		t.env = append(t.env, "VERIFY="+verify, "NODE_IMAGE="+t.mirror.Host+"/"+t.below+"/node:"+t.cell.Kubernetes+"@"+t.digests["node"].String())
		t.signed = images
		var err error
		t.key, err = newKey(t)
		return err
	}
}

// signedByAnother has an image signed with a key whose public half is replaced.
func signedByAnother(t *trial) (err error) {
	t.signed = []string{"pilot"}
	if t.key, err = newKey(t); err != nil {
		return err
	}
	_, err = newKey(t)
	return err
}

// newKey makes a key, and has the harness check with its public half.
func newKey(t *trial) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(t.dir, "key.pub")
	t.env = append(t.env, "VERIFY_KEY="+path)
	return key, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o600)
}

// sign puts the signatures that the row wants beside the images.
func (t *trial) sign(ctx context.Context) error {
	for _, image := range t.signed {
		if err := t.mirror.Sign(ctx, t.below+"/"+image, t.digests[image], t.key); err != nil {
			return err
		}
	}
	return nil
}
