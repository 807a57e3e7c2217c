package tls

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/watch"

	"istio-conformance/internal/check"
	"istio-conformance/internal/mesh/kube"
	"istio-conformance/internal/stack"
	"istio-conformance/suites/kit"
	"istio-conformance/suites/mutation"
)

// Mutations returns the ways to break what the checks prove.
func Mutations() []mutation.Mutation {
	return []mutation.Mutation{
		{
			Name: "wrong-certificate", Promise: "a gateway that shows another certificate than a host's Secret holds is noticed",
			Break: wrongCertificate, Plays: "ingress/tls-by-server-name,ingress/https-redirect,ingress/tls-passthrough,ingress/mtls-identity",
			Fails: map[string]string{
				"ingress/tls-by-server-name": "a certificate that is not the Secret's", "ingress/https-redirect": "a certificate that is not the Secret's",
				// Its TLS, which the gateway must not end, ends there with that certificate too.
				"ingress/tls-passthrough": "TLS ends before the backend",
			},
		},
		{
			Name: "any-client-certificate", Promise: "a gateway that takes a client's certificate without asking who issued it is noticed",
			Break: mutation.WithFixture("any-client", nil), Plays: "ingress/tls-client-certificate,ingress/tls-by-server-name",
			Fails: map[string]string{"ingress/tls-client-certificate": "does not check the client's certificate"},
		},
		{
			Name: "old-tls-version", Promise: "a gateway that takes a lower version of TLS than the Gateway says is noticed",
			Break: mutation.WithFixture("old-tls", nil), Plays: "ingress/tls-versions-and-ciphers,ingress/tls-by-server-name",
			Fails: map[string]string{"ingress/tls-versions-and-ciphers": "does not keep to the Gateway's versions"},
		},
		{
			Name: "certificate-pinned", Promise: "a gateway that has a host's certificate from its configuration, and not from the Secret, is noticed when that changes",
			Break: pinCertificates, Plays: "ingress/tls-secret-replaced,ingress/tls-broken-secret,ingress/tls-by-server-name",
			Fails: map[string]string{
				"ingress/tls-secret-replaced": "does not follow a replaced Secret", "ingress/tls-broken-secret": "does not refuse a Secret that no server can use",
			},
		},
	}
}

// wrongCertificate makes the gateway show one certificate for all hosts.
func wrongCertificate(ctx context.Context, t *check.T, s *stack.Stack) {
	pair := kit.NewAuthority(t, "nobody").Issue(t, "*."+s.Domain())
	mutation.ApplyFixture(ctx, t, s, "wrong-certificate", map[string]string{
		"Name": "", "ServerName": "", "Certificate": base64.StdEncoding.EncodeToString(pair.CertPEM), "Key": base64.StdEncoding.EncodeToString(pair.KeyPEM),
	})
}

// pinCertificates writes the certificate of each host of fixtures/tls/terminated.yaml into
// the gateway's configuration as soon as its Secret is there.
func pinCertificates(ctx context.Context, t *check.T, s *stack.Stack) {
	var pinned []*unstructured.Unstructured
	mutation.Mend(ctx, t, func(ctx context.Context) { t.Expect(kube.Delete(ctx, s.Client, pinned)).To(gomega.Succeed()) })
	events, err := s.Cluster.Kube.CoreV1().Secrets(s.Gateway.Namespace).Watch(ctx, metav1.ListOptions{})
	t.Expect(err).NotTo(gomega.HaveOccurred())
	mutation.Whenever(ctx, t, events, func(ctx context.Context, event watch.Event) error {
		secret, is := event.Object.(*corev1.Secret)
		if !is || event.Type != watch.Added || !strings.HasPrefix(secret.Name, "terminated-") {
			return nil
		}
		objects, err := mutation.Fixture(s, "wrong-certificate", map[string]string{
			"Name": secret.Name, "ServerName": secret.Name + "." + s.Domain(),
			"Certificate": base64.StdEncoding.EncodeToString(secret.Data[corev1.TLSCertKey]), "Key": base64.StdEncoding.EncodeToString(secret.Data[corev1.TLSPrivateKeyKey]),
		})
		if err != nil {
			return err
		}
		pinned = append(pinned, objects...)
		return kube.Apply(ctx, s.Client, s.Gateway.Namespace, objects)
	})
}
