package stage

import (
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"istio-conformance/internal/process/selfsigned"
	"istio-conformance/internal/rehearse/capture"
)

// certificateLife is longer than any rehearsal.
const certificateLife = 24 * time.Hour

// istiods are the Secrets of istiod's own.
var istiods = []string{"cacerts", "istio-ca-secret", "istio-kubeconfig"}

// secrets makes certificates anew for the same names. Their keys are nobody's.
func (b *builder) secrets() {
	for _, o := range b.mesh.Of("Secret") {
		if slices.Contains(istiods, o.Name()) {
			continue // it makes one that it can sign with
		}
		secret := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: o.Namespace(), Name: o.Name()}, Type: corev1.SecretTypeOpaque, Data: map[string][]byte{}}
		if kind, _ := o.Fields("type").(string); kind == string(corev1.SecretTypeTLS) {
			secret.Type = corev1.SecretTypeTLS
		}
		certificate, key, err := selfsigned.Certificate(certificateLife, "rehearsal", namesOf(o)...)
		if err != nil {
			b.failed = fmt.Errorf("%s: %w", o, err)
			return
		}
		keys, _ := o.Fields("keys").([]any)
		for _, k := range keys {
			name, _ := k.(string)
			switch name {
			case "tls.key", "key":
				secret.Data[name] = key
			default:
				secret.Data[name] = certificate
			}
		}
		b.add(&b.stage.First, "v1", "Secret", secret)
	}
}

// namesOf are the names in the first certificate of a Secret's shape.
func namesOf(o *capture.Object) []string {
	var names []string
	for _, key := range []string{"tls.crt", "cert"} {
		chain, _ := o.Fields("certificates", key).([]any)
		if len(chain) == 0 {
			continue
		}
		first, _ := chain[0].(map[string]any)
		list, _ := first["names"].([]any)
		for _, name := range list {
			if s, ok := name.(string); ok {
				names = append(names, s)
			}
		}
	}
	return names
}
