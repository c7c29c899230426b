package broker

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"

	"github.com/nats-io/nats.go"
)

// worded is an error in words for people; what it stands for can still be found.
type worded struct {
	text  string
	cause error
}

// Error says what it means.
func (w worded) Error() string { return w.text }

// Unwrap gives what the library said.
func (w worded) Unwrap() error { return w.cause }

// plain is err in words for people, who need not know the client's library.
func plain(err error) error {
	var network *net.OpError
	var said worded
	switch {
	case err == nil || errors.As(err, &said):
		return err
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		return worded{"nats is away", err} // of a buffer, of which we have none
	case errors.Is(err, context.DeadlineExceeded) || errors.Is(err, nats.ErrTimeout):
		return worded{"no answer in time", err}
	case errors.Is(err, nats.ErrNoServers):
		return worded{"nothing answers there", err}
	case errors.As(err, &network):
		cause := network.Err
		var call *os.SyscallError
		if errors.As(cause, &call) {
			cause = call.Err
		}
		return worded{cause.Error(), err}
	}
	if text := err.Error(); strings.HasPrefix(text, "nats: ") {
		return worded{strings.TrimPrefix(text, "nats: "), err}
	}
	return err
}
