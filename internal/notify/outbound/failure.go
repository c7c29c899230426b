package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"syscall"
)

// failure is an error in words of our own. Those of net/http quote addresses, and
// what the other side sent, which may be an echo of what we did.
type failure struct {
	host   string // empty: not said
	reason string
	kind   error // a sentinel, or nil
}

// Error is the reason, after the host where that is known.
func (f *failure) Error() string {
	if f.host == "" {
		return f.reason
	}
	return f.host + ": " + f.reason
}

// Unwrap returns what kind of failure it is.
func (f *failure) Unwrap() error { return f.kind }

// explain says why a call to u failed with err.
func explain(u *url.URL, err error) error {
	f := reason(err)
	f.host = u.Host
	return &f
}

func reason(err error) failure {
	var (
		ours *failure
		dns  *net.DNSError
		slow net.Error
		code syscall.Errno

		untrusted *tls.CertificateVerificationError
	)
	switch {
	case errors.As(err, &ours):
		return *ours
	case errors.Is(err, context.Canceled):
		return failure{reason: "the call was cancelled", kind: context.Canceled}
	case errors.As(err, &dns) && dns.IsNotFound:
		return failure{reason: "no such host"}
	case errors.As(err, &slow) && slow.Timeout():
		return failure{reason: "no answer in time", kind: context.DeadlineExceeded}
	case errors.As(err, &dns):
		return failure{reason: "its name could not be looked up"}
	case errors.As(err, &code):
		return failure{reason: code.Error()}
	case errors.As(err, &untrusted):
		return failure{reason: distrust(untrusted)}
	case isTLS(err):
		return failure{reason: err.Error()}
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return failure{reason: "closed the connection without an answer"}
	}
	return failure{reason: fmt.Sprintf("the exchange is no valid HTTP, or has headers over %d KiB", maxHeader>>10)}
}

// isTLS reports whether err is one of the handshake whose words are all of
// crypto/tls.
func isTLS(err error) bool {
	var (
		alert  tls.AlertError
		record tls.RecordHeaderError
	)
	return errors.As(err, &alert) || errors.As(err, &record)
}
