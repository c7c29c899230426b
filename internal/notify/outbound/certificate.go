package outbound

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
)

// distrust says in words of our own why a certificate was not accepted: those of
// crypto/x509 quote the names in it, which are the other side's text.
func distrust(err *tls.CertificateVerificationError) string {
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
