package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"syscall"
)

// ErrRefused is wrapped by errors about an address that may not be called.
var ErrRefused = errors.New("address refused")

// callError is an error in words of this package. Those of net/http quote addresses and
// what the other side sent, which may be an echo of the request.
type callError struct {
	host   string // empty: not known
	reason string
	kind   error // a sentinel, or nil
}

// Error is the reason, after the host if there is one.
func (e *callError) Error() string {
	if e.host == "" {
		return e.reason
	}
	return e.host + ": " + e.reason
}

// Unwrap returns the kind of the error.
func (e *callError) Unwrap() error { return e.kind }

func refuse(format string, args ...any) error {
	return &callError{reason: fmt.Errorf(format, args...).Error(), kind: ErrRefused}
}

// wrap is why a call to u failed with err.
func wrap(u *url.URL, err error) error {
	e := reason(err)
	e.host = u.Host
	return &e
}

func reason(err error) callError {
	var (
		ours        *callError
		dns         *net.DNSError
		network     net.Error
		code        syscall.Errno
		certificate *tls.CertificateVerificationError
		alert       tls.AlertError
		record      tls.RecordHeaderError
	)
	switch {
	case errors.As(err, &ours):
		return *ours
	case errors.Is(err, context.Canceled):
		return callError{reason: "the call was cancelled", kind: context.Canceled}
	case errors.As(err, &dns) && dns.IsNotFound:
		return callError{reason: "no such host"}
	case errors.As(err, &network) && network.Timeout():
		return callError{reason: "no answer in time", kind: context.DeadlineExceeded}
	case errors.As(err, &dns):
		return callError{reason: "its name could not be looked up"}
	case errors.As(err, &code):
		return callError{reason: code.Error()}
	case errors.As(err, &certificate):
		return callError{reason: certificateReason(certificate)}
	case errors.As(err, &alert) || errors.As(err, &record):
		return callError{reason: err.Error()} // all words are those of crypto/tls
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return callError{reason: "closed the connection without an answer"}
	}
	return callError{reason: fmt.Sprintf("the exchange is no valid HTTP, or has headers over %d KiB", maxHeader>>10)}
}

// certificateReason is why a certificate was not accepted, without the names in it,
// which are the other side's text.
func certificateReason(err error) string {
	var (
		name      x509.HostnameError
		authority x509.UnknownAuthorityError
		invalid   x509.CertificateInvalidError
	)
	switch {
	case errors.As(err, &name):
		return "its certificate is for another name"
	case errors.As(err, &authority):
		return "its certificate is of an authority that is not known here"
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return "its certificate has expired, or is not valid yet"
	}
	return "its certificate is not valid"
}
