package digest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/textproto"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"github.com/gallerywire/gallerywire/internal/notify/outbox"
	"github.com/nicholas-fedor/shoutrrr/pkg/util/jsonclient"
	"github.com/wneessen/go-mail"
)

// The errors of a delivery are our own, because those of services quote addresses,
// tokens and answers of servers.

var (
	errHanging     = errors.New("earlier deliveries have not come back: the service does not answer")
	errUnencrypted = errors.New("its server offers no encryption")
	errTimeout     = errors.New("no answer in time")
	errUnknownHost = errors.New("the name of its server cannot be resolved")
	errRefused     = errors.New("its server refuses the connection")
	errAborted     = errors.New("the connection was lost")
	errCertificate = errors.New("its server is not trusted: check its certificate")
	errElse        = errors.New("it did not accept the message")
)

// reasonOf returns our own error for err.
func reasonOf(err error) error {
	if status := statusOf(err); status != 0 {
		return statusReason(status)
	}
	text := strings.ToLower(err.Error()) // some services only quote errors
	quotes := func(words ...string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
	}
	var (
		certificate *tls.CertificateVerificationError
		network     net.Error
		dns         *net.DNSError
	)
	switch {
	case errors.Is(err, context.Canceled):
		return context.Canceled
	case quotes("unencrypted connection", "does not support starttls"):
		return errUnencrypted
	case errors.As(err, &certificate), quotes("x509:", "tls: "):
		return errCertificate
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &network) && network.Timeout(),
		quotes("deadline exceeded", "timeout", "timed out"):
		return errTimeout
	case errors.As(err, &dns), quotes("no such host"):
		return errUnknownHost
	case errors.Is(err, syscall.ECONNREFUSED), quotes("connection refused"):
		return errRefused
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, net.ErrClosed), quotes("connection reset", "eof", "broken pipe"):
		return errAborted
	}
	return errElse
}

// answered matches the status of an answer in the text of an error.
var answered = regexp.MustCompile(`(?i)(?:status[a-z ]*[: ]+"?|: )([45][0-9]{2})(?:\s|"|$)`)

// statusOf returns the HTTP status in err, 0 for none.
func statusOf(err error) int {
	var answer jsonclient.Error
	if errors.As(err, &answer) && answer.StatusCode >= 400 {
		return answer.StatusCode
	}
	m := answered.FindStringSubmatch(err.Error())
	if m == nil {
		return 0
	}
	status, _ := strconv.Atoi(m[1])
	if http.StatusText(status) == "" {
		return 0
	}
	return status
}

// statusReason is final for an address that no longer exists.
func statusReason(status int) error {
	err := fmt.Errorf("it answered %d %s", status, http.StatusText(status))
	if status == http.StatusNotFound || status == http.StatusGone {
		return outbox.Final(err)
	}
	return err
}

// mailReasonOf is [reasonOf] for mail: a permanent refusal of the mail is final, one
// of user and password is not, because they may be corrected.
func mailReasonOf(err error) error {
	var answer *textproto.Error
	if errors.As(err, &answer) {
		if strings.HasPrefix(err.Error(), "SMTP AUTH failed") {
			return fmt.Errorf("its server rejects the login with %d: check user and password", answer.Code)
		}
		return fmt.Errorf("its server does not accept mail now, with %d", answer.Code)
	}
	var refused *mail.SendError
	switch isSend := errors.As(err, &refused); {
	case isSend && refused.ErrorCode() >= 500:
		return outbox.Final(fmt.Errorf("its server refuses the mail with %d", refused.ErrorCode()))
	case isSend && refused.ErrorCode() > 0:
		return fmt.Errorf("its server does not accept mail now, with %d", refused.ErrorCode())
	}
	return reasonOf(err)
}
