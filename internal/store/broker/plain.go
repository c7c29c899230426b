package broker

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// explainedError is an error in words for people; it wraps the cause.
type explainedError struct {
	text  string
	cause error
}

// Error returns the text for people.
func (w explainedError) Error() string { return w.text }

// Unwrap returns the library's error.
func (w explainedError) Unwrap() error { return w.cause }

// tooFewServers is the error of a server without a cluster for more than one replica.
const tooFewServers = jetstream.ErrorCode(10074)

// plain is err in words for people: they need not know the client's library.
func plain(err error) error {
	var network *net.OpError
	var known explainedError
	var refusal *jetstream.APIError
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		return explainedError{"nats is away", err} // the library means a buffer, and we have none
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout):
		return explainedError{"no answer in time", err}
	case errors.Is(err, nats.ErrNoServers):
		return explainedError{"nothing answers there", err}
	case errors.Is(err, nats.ErrAuthorization):
		return explainedError{"nats does not accept this user: check nats.credentials_file, or the user and password in nats.url", err}
	case errors.Is(err, nats.ErrSecureConnWanted):
		return explainedError{"nats speaks no TLS there: have it do so, or write nats:// in nats.url and leave out nats.tls", err}
	case errors.As(err, &refusal) && refusal.ErrorCode == tooFewServers:
		return explainedError{"nats is no cluster there, and keeps one copy: set nats.replicas to 1, or nats.url to a cluster", err}
	case errors.As(err, &network):
		cause := network.Err
		var call *os.SyscallError
		if errors.As(cause, &call) {
			cause = call.Err
		}
		return explainedError{cause.Error(), err}
	}
	if text := err.Error(); strings.HasPrefix(text, "nats: ") {
		return explainedError{strings.TrimPrefix(text, "nats: "), err}
	}
	return err
}
