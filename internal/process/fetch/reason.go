package fetch

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// Status is the HTTP status that an error of this package, of a registry or of Helm's
// registry client stands for; 0 where there was no answer.
func Status(err error) int {
	var plain *StatusError
	var registry *transport.Error
	var oras *errcode.ErrorResponse
	switch {
	case errors.As(err, &plain):
		return plain.Code
	case errors.As(err, &registry):
		return registry.StatusCode
	case errors.As(err, &oras):
		return oras.StatusCode
	}
	return 0
}

// Unanswered says that a server gave no answer that says anything of what was asked
// for: it was not reached, or it is too busy.
func Unanswered(err error) bool {
	status := Status(err)
	var network net.Error
	var op *net.OpError
	return temporary(status) || status == 0 && (errors.As(err, &network) || errors.As(err, &op))
}

// Reason says in one line why there is no answer, or not the one that was wanted.
func Reason(err error) string {
	var dns *net.DNSError
	var op *net.OpError
	var timeout net.Error
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	switch status := Status(err); {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fmt.Sprintf("access is refused (%d %s)", status, http.StatusText(status))
	case status == http.StatusTooManyRequests:
		return "it takes no more requests for now (429 Too Many Requests)"
	case status != 0:
		return fmt.Sprintf("it answers %d %s", status, http.StatusText(status))
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return "the proxy of HTTPS_PROXY does not answer: " + Reason(op.Err)
	case errors.As(err, &dns) && dns.IsNotFound:
		return "no host is called " + dns.Name
	case errors.Is(err, syscall.ECONNREFUSED):
		return "nothing listens there (connection refused)"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "this machine has no route to it"
	case errors.As(err, &authority):
		return "its certificate is of an authority that this machine does not trust"
	case errors.As(err, &name):
		return "its certificate is of another host"
	case errors.As(err, &op) && op.Op == "dial" && op.Timeout():
		return fmt.Sprintf("no connection within %s", connectTimeout)
	case errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	}
	return plain(err)
}

// plain is the error without the request that the caller names anyway, in one line.
func plain(err error) string {
	var request *url.Error
	if errors.As(err, &request) {
		err = request.Err
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}
