package probe

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"
)

// Class is the kind of failure of an exchange, for checks that expect one.
type Class string

// Classes of failure.
const (
	// OK means that a whole response came.
	OK Class = ""
	// Invalid means that the request could not be made from what was given.
	Invalid Class = "invalid request"
	// Cancelled means that the caller's context ended.
	Cancelled Class = "cancelled"
	// Timeout means that the time given for the exchange was over.
	Timeout Class = "timeout"
	// NoName means that the host name could not be resolved.
	NoName Class = "name not resolved"
	// Refused means that nothing listens at the address.
	Refused Class = "connection refused"
	// Unreachable means that there is no route to the address.
	Unreachable Class = "unreachable"
	// Closed means that the peer reset or closed the connection before the
	// response was whole.
	Closed Class = "connection closed"
	// TLSFailed means that the TLS handshake failed, on either side.
	TLSFailed Class = "TLS failure"
	// Malformed means that what came was no HTTP, or broken off by the protocol.
	Malformed Class = "protocol error"
)

// timeoutError is the cause of an exchange that took longer than it may.
type timeoutError struct{ limit time.Duration }

func (e *timeoutError) Error() string { return fmt.Sprintf("no whole response within %s", e.limit) }

// requestError wraps the reason why a request could not be made.
type requestError struct{ err error }

func (e *requestError) Error() string { return e.err.Error() }
func (e *requestError) Unwrap() error { return e.err }

func classify(err error) Class {
	var (
		timeout *timeoutError
		request *requestError
		dns     *net.DNSError
	)
	switch {
	case err == nil:
		return OK
	case errors.As(err, &request):
		return Invalid
	case errors.As(err, &timeout), errors.Is(err, context.DeadlineExceeded):
		return Timeout
	case errors.Is(err, context.Canceled):
		return Cancelled
	case errors.As(err, &dns):
		return NoName
	case isTLS(err):
		return TLSFailed
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return Unreachable
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, errSecondAttempt), isClosedEarly(err):
		return Closed
	case errors.Is(err, syscall.ETIMEDOUT):
		return Timeout
	default:
		return Malformed
	}
}

func isTLS(err error) bool {
	var (
		alert  tls.AlertError
		record tls.RecordHeaderError
		verify *tls.CertificateVerificationError
		host   x509.HostnameError
	)
	if errors.As(err, &alert) || errors.As(err, &record) || errors.As(err, &verify) || errors.As(err, &host) {
		return true
	}
	// An alert that the peer sends arrives as a *net.OpError without a type of its own.
	return strings.Contains(err.Error(), "remote error: tls:") || strings.Contains(err.Error(), "tls: ")
}

// isClosedEarly recognizes a peer that accepts and closes at once, before the
// request is written: net/http says so without an exported error.
func isClosedEarly(err error) bool {
	return strings.Contains(err.Error(), "server closed idle connection")
}
