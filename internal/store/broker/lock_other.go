//go:build !unix

package broker

import (
	"errors"
	"strings"
)

// lock does not exist on this system.
type lock struct{}

// lockDir refuses: a server that runs twice on one directory destroys it.
func lockDir(dataDir) (*lock, error) {
	return nil, errors.New("the embedded server cannot lock its directory on this system: set nats.url to a server elsewhere")
}

func (*lock) release() error { return nil }

// connectionRefused is true of any error: nothing of ours can run here.
func connectionRefused(err error) bool { return err != nil }

func addressInUse(err error) bool {
	return strings.Contains(err.Error(), "Only one usage of each socket address")
}
