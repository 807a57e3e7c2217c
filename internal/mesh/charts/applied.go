package charts

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// serverSide is what Helm 4 notes in a release that the API server applied. Helm 3
// notes nothing, and does not read it.
const serverSide = "ssa"

// ServerSide says whether the API server applied the last revision of a release; Helm 4
// upgrades it so from then on. The release must be there.
func (c *Client) ServerSide(ctx context.Context, namespace, name string) (bool, error) {
	last, err := c.Get(ctx, namespace, name)
	if err != nil {
		return false, err
	}
	getter, err := c.connection.Getter(namespace)
	if err != nil {
		return false, err
	}
	client, err := clientset(getter)
	if err != nil {
		return false, err
	}
	// As Helm calls it.
	secret := fmt.Sprintf("sh.helm.release.v1.%s.v%d", name, last.Version)
	stored, err := client.CoreV1().Secrets(namespace).Get(ctx, secret, metav1.GetOptions{})
	if err != nil {
		return false, fmt.Errorf("get Secret %s/%s: %w", namespace, secret, err)
	}
	method, err := applyMethod(stored.Data["release"])
	if err != nil {
		return false, fmt.Errorf("read Secret %s/%s: %w", namespace, secret, err)
	}
	return method == serverSide, nil
}

// applyMethod reads a release as Helm stores it: JSON, compressed, in base64.
func applyMethod(stored []byte) (string, error) {
	decoder := base64.NewDecoder(base64.StdEncoding, bytes.NewReader(stored))
	unpacked, err := gzip.NewReader(decoder)
	if err != nil {
		return "", err
	}
	var release struct {
		ApplyMethod string `json:"apply_method"`
	}
	if err := json.NewDecoder(unpacked).Decode(&release); err != nil {
		return "", err
	}
	return release.ApplyMethod, nil
}
