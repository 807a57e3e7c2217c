package kit

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/util/rand"

	"istio-conformance/internal/check"
	"istio-conformance/internal/stack"
	"istio-conformance/internal/traffic/probe"
)

// SecureRoute is a host name of a check's own at the gateway's HTTPS port, with
// the certificate that the gateway shows for it.
type SecureRoute struct {
	// Name is unique to the check, and the name of the route's objects and Secret.
	Name string
	// Host is what a client asks for in TLS and in the request.
	Host string
	// Authority issued Pair, the gateway's certificate for the host.
	Authority *Authority
	Pair      Pair

	stack *stack.Stack
}

// NewSecureRoute makes a host with a certificate, applies fixtures/tls/<fixture>.yaml
// for it and waits until the gateway serves it. settings is the Gateway's tls
// section as YAML flow, without the braces and credentialName; secret is added to
// the Secret's data. The fixture's template also knows what values add.
func NewSecureRoute(ctx context.Context, t *check.T, s *stack.Stack, fixture, settings string, secret map[string][]byte, values map[string]string) SecureRoute {
	t.Helper()
	r := PrepareSecureRoute(t, s, fixture)
	data := r.Pair.Secret()
	for key, value := range secret {
		data[key] = value
	}
	GatewaySecret(ctx, t, s, r.Name, data)
	r.Apply(ctx, t, fixture, fmt.Sprintf("{%s, credentialName: %s}", settings, r.Name), values)
	return r
}

// PrepareSecureRoute makes a host and its certificate, and nothing in the cluster.
func PrepareSecureRoute(t *check.T, s *stack.Stack, prefix string) SecureRoute {
	t.Helper()
	r := SecureRoute{Name: prefix + "-" + rand.String(5), stack: s}
	r.Host = r.Name + "." + s.Domain()
	r.Authority = NewAuthority(t, "authority of "+r.Host)
	r.Pair = r.Authority.Issue(t, r.Host)
	return r
}

// Apply applies fixtures/tls/<fixture>.yaml for the host, with the Gateway's tls
// section.
func (r SecureRoute) Apply(ctx context.Context, t *check.T, fixture, settings string, values map[string]string) {
	t.Helper()
	Apply(ctx, t, r.stack, r.stack.Namespace, "tls/"+fixture+".yaml",
		with(map[string]string{"Name": r.Name, "Host": r.Host, "Namespace": r.stack.Namespace, "TLS": settings}, values))
}

// Client is the configuration of a client that trusts the host's authority.
func (r SecureRoute) Client() *tls.Config {
	return &tls.Config{ServerName: r.Host, RootCAs: r.Authority.Pool(), MinVersion: tls.VersionTLS12}
}

// Request asks for a target of the host, over a connection to the gateway's
// HTTPS node port.
func (r SecureRoute) Request(target string, header http.Header) (probe.Request, error) {
	address, err := r.stack.GatewayTLS()
	return probe.Request{URL: "https://" + r.Host + target, ConnectTo: address, Headers: header, Timeout: RequestTimeout, TLS: r.Client()}, err
}

// Get sends one request, changed by change unless that is nil.
func (r SecureRoute) Get(ctx context.Context, t *check.T, target string, header http.Header, change func(*probe.Request)) probe.Response {
	t.Helper()
	request, err := r.Request(target, header)
	t.Expect(err).NotTo(gomega.HaveOccurred())
	if change != nil {
		change(&request)
	}
	return probe.HTTP(ctx, request)
}

// MustBeServed waits until a client with the configuration gets an answer 200.
func (r SecureRoute) MustBeServed(ctx context.Context, t *check.T, client *tls.Config) {
	t.Helper()
	var last probe.Response
	t.Eventually(ctx, func() int {
		last = r.Get(ctx, t, "/", nil, func(q *probe.Request) { q.TLS, q.Timeout = client, ShortTimeout })
		return last.Status
	}).WithTimeout(PropagationTimeout).Should(gomega.Equal(http.StatusOK), func() string {
		return fmt.Sprintf("within %s: %s", PropagationTimeout, r.diagnose(ctx, t, last))
	})
}

// diagnose sets the check's diagnosis to what the last response shows, and returns a
// line for the failure's message.
func (r SecureRoute) diagnose(ctx context.Context, t *check.T, last probe.Response) string {
	if last.Status == http.StatusBadRequest && bytes.Contains(last.Body, []byte("HTTP request to an HTTPS server")) {
		t.Diagnose("TLS ends before the backend, whose port gets plain HTTP and wants TLS: the gateway does not pass the host's TLS through",
			"look at the filter chain of the server name in the gateway's config dump in the evidence: with mode PASSTHROUGH it has no transport socket",
			"https://istio.io/latest/docs/tasks/traffic-management/ingress/ingress-sni-passthrough/")
		return fmt.Sprintf("https://%s: %s", r.Host, last)
	}
	return Unserved{Host: r.Host, Secure: true, Last: last}.Diagnose(ctx, t, r.stack)
}

// Refusal makes a TLS connection to the gateway's HTTPS node port, sends no
// request, and returns the error by which the gateway refuses it; nil when it
// does not. In TLS 1.3 a client learns only by reading that its certificate was
// refused, and only a client that has written nothing reads the alert for sure.
func Refusal(ctx context.Context, s *stack.Stack, client *tls.Config) (refusal, failure error) {
	address, err := s.GatewayTLS()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, RequestTimeout)
	defer cancel()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	connection := tls.Client(raw, client)
	defer func() { _ = connection.Close() }()
	if err := connection.HandshakeContext(ctx); err != nil {
		return err, nil
	}
	if err := connection.SetReadDeadline(time.Now().Add(RequestTimeout)); err != nil {
		return nil, err
	}
	_, err = connection.Read(make([]byte, 1))
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		// An accepted client would be waited for.
		return nil, nil
	case errors.Is(err, io.EOF):
		return errors.New("closed after the handshake"), nil
	default:
		return err, nil
	}
}

// NewStreamRoute makes a host whose TLS ends at the gateway and whose bytes go to
// the backend's TCP port. It does not wait: there is no HTTP to ask.
func NewStreamRoute(ctx context.Context, t *check.T, s *stack.Stack) SecureRoute {
	t.Helper()
	return NewSecureRoute(ctx, t, s, "stream", "mode: SIMPLE", nil, nil)
}
