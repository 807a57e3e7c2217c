package check

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// said returns the message of the assertion that fails in a check.
func said(t *testing.T, run func(*T)) string {
	t.Helper()
	g := gomega.NewWithT(t)
	var messages []string
	c := newT(t, 50*time.Millisecond)
	c.gomega = gomega.NewGomega(func(message string, _ ...int) { messages = append(messages, tidy(message)) })
	c.gomega.SetDefaultEventuallyTimeout(50 * time.Millisecond)
	run(c)
	g.Expect(messages).To(gomega.HaveLen(1))
	return messages[0]
}

func certificate(t *testing.T) *x509.Certificate {
	t.Helper()
	g := gomega.NewWithT(t)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "root of somebody"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	c, err := x509.ParseCertificate(der)
	g.Expect(err).NotTo(gomega.HaveOccurred())
	return c
}

type nested struct {
	Name  string
	Inner *nested
	Data  []byte
	Err   error
	Empty string
}

func TestAMessageIsForPeople(t *testing.T) {
	c := certificate(t)
	refused := fmt.Errorf("handshake: %w", &tls.CertificateVerificationError{UnverifiedCertificates: []*x509.Certificate{c}, Err: x509.UnknownAuthorityError{Cert: c}})
	pods := []corev1.Pod{{ObjectMeta: metav1.ObjectMeta{Namespace: "ns", Name: "one"}, Spec: corev1.PodSpec{NodeName: "node"}}}
	for name, test := range map[string]struct {
		run  func(*T)
		says []string
	}{
		"an error with certificates in it": {func(t *T) { t.Expect(refused).NotTo(gomega.HaveOccurred(), "TLS with istiod") }, []string{"TLS with istiod", "handshake: tls: failed to verify"}},
		"an error where success is wanted": {func(t *T) { t.Expect(refused).To(gomega.Succeed()) }, []string{"handshake: tls: failed to verify"}},
		"an error of a wait":               {func(t *T) { t.Eventually(func() (int, error) { return 0, refused }).Should(gomega.Equal(1)) }, []string{"The last look ended with an error", "handshake"}},
		"a certificate":                    {func(t *T) { t.Expect(c).To(gomega.BeNil()) }, []string{"root of somebody", "valid from"}},
		"a chain in DER":                   {func(t *T) { t.Expect([][]byte{c.Raw}).To(gomega.BeEmpty()) }, []string{"root of somebody"}},
		"bytes":                            {func(t *T) { t.Expect([]byte{0, 255}).To(gomega.BeEmpty()) }, []string{"[2 bytes, not text]"}},
		"text in bytes":                    {func(t *T) { t.Expect([]byte("hello")).To(gomega.BeEmpty()) }, []string{`"hello"`}},
		"objects of Kubernetes":            {func(t *T) { t.Expect(pods).To(gomega.HaveLen(2)) }, []string{"Pod ns/one"}},
		"structs in structs": {func(t *T) {
			t.Expect(nested{Name: "a", Inner: &nested{Name: "b", Data: c.Raw, Err: errors.New("broken")}}).To(gomega.Equal(nested{}))
		}, []string{`Name: "a"`, `Inner: {Name: "b"`, "root of somebody", "broken"}},
		"a matcher in a matcher": {func(t *T) { t.Expect([]string{"a"}).To(gomega.ConsistOf(gomega.Not(gomega.HavePrefix("a")))) }, []string{`Not{Matcher: HavePrefix{Prefix: "a"}}`}},
		"a time":                 {func(t *T) { t.Expect(time.Unix(0, 0).UTC()).To(gomega.Equal(1)) }, []string{"1970-01-01T00:00:00Z"}},
		"a duration":             {func(t *T) { t.Expect([]time.Duration{time.Second}).To(gomega.BeEmpty()) }, []string{"1s"}},
		"a lot":                  {func(t *T) { t.Expect(strings.Repeat("long ", 10000)).To(gomega.BeEmpty(), "a list") }, []string{"a list", "bytes left out"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := gomega.NewWithT(t)
			message := said(t, test.run)
			for _, words := range test.says {
				g.Expect(message).To(gomega.ContainSubstring(words))
			}
			g.Expect(len(message)).To(gomega.BeNumerically("<", 7000))
			for _, noise := range []string{"0xc0", "cap:", "omega", "Raw:", "PublicKey", "Spec", "[48, 130", "\x02", "\x03", "passed to"} {
				g.Expect(message).NotTo(gomega.ContainSubstring(noise))
			}
			g.Expect(strings.Count(message, "failed to verify")).To(gomega.BeNumerically("<=", 1), "said once")
		})
	}
}
