package broker

import (
	"errors"

	"github.com/nats-io/nats.go"
)

// errAway stands for the error of a request while there is no connection: the
// library speaks of a buffer, of which we have none.
var errAway error = away{}

type away struct{}

// Error says what it means.
func (away) Error() string { return "nats is away" }

// Unwrap gives what the library said.
func (away) Unwrap() error { return nats.ErrReconnectBufExceeded }

// plain is err in words for people.
func plain(err error) error {
	if errors.Is(err, nats.ErrReconnectBufExceeded) {
		return errAway
	}
	return err
}
