package broker

import (
	"fmt"
	"net"
	"strconv"

	"github.com/nats-io/nats-server/v2/server"
)

func serverOptions(o Options) (*server.Options, error) {
	options := &server.Options{
		ServerName:             o.Name,
		JetStream:              true,
		StoreDir:               o.Embedded.DataDir,
		SyncAlways:             o.Embedded.SyncInterval <= 0,
		SyncInterval:           o.Embedded.SyncInterval,
		MaxPayload:             maxPayload,
		JetStreamMaxStore:      o.Embedded.StoreLimit,
		NoSigs:                 true,
		DisableJetStreamBanner: true,
	}
	if o.Embedded.Listen == "" {
		options.DontListen = true
		return options, nil
	}
	host, port, err := chooseAddress(o)
	options.Host, options.Port = host, port
	return options, err
}

// chooseAddress tries to listen where the options say, because the server
// itself does not report a port that is taken.
func chooseAddress(o Options) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(o.Embedded.Listen)
	if err != nil {
		return "", 0, fmt.Errorf("listen on %s: %w: write it like 127.0.0.1:4222", o.Embedded.Listen, err)
	}
	if port, err = strconv.Atoi(text); err != nil || port < 0 || port > 65535 {
		return "", 0, fmt.Errorf("listen on %s: %q is no port number", o.Embedded.Listen, text)
	}
	err = probe(o.Embedded.Listen)
	switch {
	case err == nil && port != 0:
		return host, port, nil
	case err == nil:
		return host, server.RANDOM_PORT, nil
	case addressInUse(err) && o.Embedded.ListenElsewhere:
		o.Logger.Warn("the port for publishers is taken: listening on a free one instead", "listen", o.Embedded.Listen)
		return host, server.RANDOM_PORT, nil
	case addressInUse(err):
		return "", 0, fmt.Errorf("%w: stop what listens there, or choose another nats.embedded.listen", err)
	}
	return "", 0, fmt.Errorf("%w: choose another nats.embedded.listen", err)
}

func probe(address string) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, innermost(err))
	}
	return l.Close()
}

// innermost drops the address and the operation, which the caller says.
func innermost(err error) error {
	if op, ok := err.(*net.OpError); ok {
		return op.Err
	}
	return err
}
