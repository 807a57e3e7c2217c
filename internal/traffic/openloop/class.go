package openloop

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"

	"istio-conformance/internal/traffic/openloop/codec"
)

// Classes of requests that failed. Answers with an error status are counted
// under their status and Envoy's flag, as in "http 503 UF", gRPC's under "grpc 14".
const (
	ClassRefused     = "refused"
	ClassReset       = "reset"
	ClassClosed      = "closed" // in good order, before the answer was whole
	ClassTimeout     = "timeout"
	ClassUnreachable = "unreachable"
	ClassTLS         = "tls"
	ClassProtocol    = "protocol"
	// ClassAbandoned is a request on a connection that was given up for another.
	ClassAbandoned = "abandoned"
	// ClassGenerator is a failure of the generator, such as no free local port;
	// it says nothing about the system under test.
	ClassGenerator = "generator"
)

// classify returns the class of what went wrong with a connection.
func classify(err error) string {
	var network net.Error
	switch {
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.EADDRNOTAVAIL), errors.Is(err, syscall.ENOBUFS):
		return ClassGenerator
	case errors.Is(err, syscall.ECONNREFUSED):
		return ClassRefused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED):
		return ClassReset
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return ClassUnreachable
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, syscall.ETIMEDOUT):
		return ClassTimeout
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ClassClosed
	case isTLS(err):
		return ClassTLS
	case errors.As(err, &network) && network.Timeout():
		return ClassTimeout
	default:
		return ClassProtocol
	}
}

func isTLS(err error) bool {
	var (
		alert  tls.AlertError
		record tls.RecordHeaderError
		verify *tls.CertificateVerificationError
		host   x509.HostnameError
	)
	return errors.As(err, &alert) || errors.As(err, &record) || errors.As(err, &verify) || errors.As(err, &host) ||
		errors.Is(err, errALPN) || strings.Contains(err.Error(), "tls: ") // an alert from the peer has no type of its own
}

// classOf returns the class of an answer, "" for a good one.
func classOf(a *codec.Answer) string {
	switch {
	case a.Fault != "":
		return ClassReset + " (" + a.Fault + ")"
	case a.Status < http.StatusOK || a.Status >= http.StatusBadRequest:
		return flagged("http "+strconv.Itoa(a.Status), a.Flag)
	case a.GRPC > 0:
		return flagged("grpc "+strconv.Itoa(a.GRPC), a.Flag)
	default:
		return ""
	}
}

func flagged(class, flag string) string {
	if flag == "" || flag == "-" {
		return class
	}
	return class + " " + flag
}
