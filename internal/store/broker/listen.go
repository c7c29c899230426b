package broker

import (
	"fmt"
	"net"
	"strconv"

	"github.com/nats-io/nats-server/v2/server"
)

// maxSubscriptions is how many a connection may have: far more than we need.
const maxSubscriptions = 1024

func serverOptions(o Options) *server.Options {
	return &server.Options{
		ServerName:             o.Name,
		JetStream:              true,
		StoreDir:               o.Embedded.DataDir,
		SyncAlways:             o.Embedded.SyncInterval <= 0,
		SyncInterval:           o.Embedded.SyncInterval,
		MaxPayload:             maxPayload,
		JetStreamMaxStore:      o.Embedded.StoreLimit,
		NoSigs:                 true,
		DontListen:             true, // see entrance
		ProxyProtocol:          true,
		MaxSubs:                maxSubscriptions,
		DisableJetStreamBanner: true,
	}
}

// listenForPublishers listens where the options say, nil for nowhere.
func listenForPublishers(o Options) (net.Listener, error) {
	at := o.Embedded.Listen
	if at == "" {
		return nil, nil
	}
	host, text, err := net.SplitHostPort(at)
	if err != nil {
		return nil, fmt.Errorf("listen on %s: %w: write it like 127.0.0.1:4222", at, err)
	}
	if port, err := strconv.Atoi(text); err != nil || port < 0 || port > 65535 {
		return nil, fmt.Errorf("listen on %s: %q is no port number", at, text)
	}
	l, err := net.Listen("tcp", at)
	if addressInUse(err) && o.Embedded.ListenElsewhere {
		o.Logger.Warn("the port for publishers is taken: listening on a free one instead", "listen", at)
		l, err = net.Listen("tcp", net.JoinHostPort(host, "0"))
	}
	switch {
	case addressInUse(err):
		return nil, fmt.Errorf("listen on %s: %w: stop what listens there, or choose another nats.embedded.listen", at, innermost(err))
	case err != nil:
		return nil, fmt.Errorf("listen on %s: %w: choose another nats.embedded.listen", at, innermost(err))
	}
	return l, nil
}

// innermost drops the address and the operation, which the caller says.
func innermost(err error) error {
	if op, ok := err.(*net.OpError); ok {
		return op.Err
	}
	return err
}
