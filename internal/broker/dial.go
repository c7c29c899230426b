package broker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
)

// DialOperator connects as the node itself does, for commands that look after
// a running service: to [Options].URL with its credentials, or to the embedded
// server that runs in [Embedded].DataDir in another process. It fails within
// seconds when there is none. The broker that it returns has no server of its
// own; the caller closes it.
func DialOperator(ctx context.Context, o Options) (*Broker, error) {
	o = o.withDefaults()
	where, err := operatorTarget(o)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return nil, err
	}
	l, err := dial(o, where, once(ctx))
	if err != nil && o.URL == "" {
		return nil, notRunning(o, err)
	}
	if err != nil {
		return nil, err
	}
	return newBroker(o, l, nil)
}

func operatorTarget(o Options) (target, error) {
	if o.URL != "" {
		return elsewhere(o)
	}
	dir := dataDir(o.Embedded.DataDir)
	address, err := dir.readAddress()
	if errors.Is(err, fs.ErrNotExist) {
		return target{}, notRunning(o, nil)
	}
	if err != nil {
		return target{}, ofService(err)
	}
	secret, err := dir.readSecret()
	if err != nil {
		return target{}, ofService(err)
	}
	return target{url: address, addresses: address, options: []nats.Option{nats.UserInfo(internalUser, secret)}}, nil
}

func notRunning(o Options, cause error) error {
	err := fmt.Errorf("no gallerywire is running on %s/: start \"gallerywire serve\" first", filepath.Clean(o.Embedded.DataDir))
	if cause != nil {
		err = fmt.Errorf("%w (%w)", err, cause)
	}
	return err
}

// DialPublisher connects as a CMS does: to [Options].URL, or to the embedded
// server that runs in [Embedded].DataDir (else to [Embedded].Listen) with the
// publisher's token. It fails within seconds when there is none. The caller
// owns the connection and closes it.
func DialPublisher(ctx context.Context, o Options) (*nats.Conn, error) {
	o = o.withDefaults()
	where, err := publisherTarget(o)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return nil, err
	}
	options := append(publisherOptions(o), where.options...)
	conn, err := nats.Connect(where.url, append(options, once(ctx)...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to nats at %s: %w", where.addresses, err)
	}
	return conn, nil
}

func publisherTarget(o Options) (target, error) {
	if o.URL != "" {
		return elsewhere(o)
	}
	address, err := dataDir(o.Embedded.DataDir).readAddress()
	if errors.Is(err, fs.ErrNotExist) {
		address, err = "nats://"+o.Embedded.Listen, nil
	}
	t := target{url: address, addresses: address}
	if o.Embedded.PublisherToken != "" {
		t.options = []nats.Option{nats.Token(o.Embedded.PublisherToken)}
	}
	return t, ofService(err)
}

// ofService says who may read what another user's service keeps to itself.
func ofService(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: run this as the user of the service, or as root", err)
	}
	return err
}

func publisherOptions(o Options) []nats.Option {
	l := &link{log: o.Logger}
	return []nats.Option{
		nats.Name(o.Name),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(pingsOut),
		nats.ErrorHandler(l.onError),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // the caller did not close it
				l.log.Warn("lost the connection to nats: connecting again for some seconds", "err", err)
			}
		}),
	}
}

// once are the options of a connection that a person waits for.
func once(ctx context.Context) []nats.Option {
	timeout := commandTimeout
	if deadline, ok := ctx.Deadline(); ok {
		timeout = min(timeout, time.Until(deadline))
	}
	return []nats.Option{nats.Timeout(timeout), nats.MaxReconnects(10)}
}
