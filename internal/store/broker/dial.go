package broker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// DialOperator connects as the node itself does, for commands that look after
// a running service: to [Options].URL with its credentials, or to the embedded
// server that runs in [Embedded].DataDir in another process. It fails at once when
// there is none, and within [Options].Timeout when it does not answer. The broker
// that it returns has no server of its own; the caller closes it.
func DialOperator(ctx context.Context, o Options) (*Broker, error) {
	o = o.withDefaults()
	where, err := operatorTarget(o)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return nil, err
	}
	l, err := dial(o, where, o.Timeout, once(ctx, o, where))
	if err != nil {
		return nil, err
	}
	return newBroker(o, l, nil, jetstream.WithDefaultTimeout(o.Timeout))
}

func operatorTarget(o Options) (target, error) {
	if o.URL != "" {
		return elsewhere(o)
	}
	t, err := ownService(o)
	if err != nil {
		return target{}, err
	}
	dir := dataDir(o.Embedded.DataDir)
	if _, err := dir.readSecret(); err != nil {
		return target{}, ofService(err)
	}
	// Read when it is shown: after a restart there is another.
	t.options = append(t.options, nats.UserInfoHandler(func() (user, password string) {
		secret, _ := dir.readSecret() // the server says that it is wrong
		return internalUser, secret
	}))
	return t, nil
}

// ownService is the service that runs on the directory, over its socket: only
// its owner can listen there, so that nothing is shown to a stranger that has the
// port of one that died.
func ownService(o Options) (target, error) {
	dir := dataDir(o.Embedded.DataDir)
	conn, err := dir.InProcessConn()
	if err != nil {
		return target{}, unreached(o, err)
	}
	where := "the service on " + filepath.Clean(o.Embedded.DataDir) + "/"
	return target{addresses: where, options: []nats.Option{nats.InProcessServer(dir)}}, conn.Close()
}

// unreached says why there is no connection to a socket of the service's directory.
func unreached(o Options, err error) error {
	if errors.Is(err, fs.ErrNotExist) || connectionRefused(err) {
		return notRunning(o)
	}
	return ofService(fmt.Errorf("the service on %s/: %w", filepath.Clean(o.Embedded.DataDir), plain(err)))
}

// DialAdmin connects to what the service that runs on [Embedded].DataDir listens
// for with [Broker.ListenAdmin]: only the directory's owner can be there, so that
// nothing is shown to a stranger that has the port of one that died.
func DialAdmin(o Options) (net.Conn, error) {
	o = o.withDefaults()
	conn, err := dataDir(o.Embedded.DataDir).dial(adminSocket)
	if err != nil {
		return nil, unreached(o, err)
	}
	return conn, nil
}

// ErrNotRunning says that no service runs on a directory; around it stands what to do.
var ErrNotRunning = errors.New("no gallerywire is running")

func notRunning(o Options) error {
	return fmt.Errorf("%w on %s/: start \"gallerywire serve\" first, or say where it runs with GALLERYWIRE_NATS_EMBEDDED_DATA_DIR "+
		"(under systemd /var/lib/gallerywire), or with -c and its configuration", ErrNotRunning, filepath.Clean(o.Embedded.DataDir))
}

// DialPublisher connects as a CMS does: to [Options].URL, or, with the publisher's
// token, to the embedded server that runs in [Embedded].DataDir. Where none runs
// there and there is no token to be shown to a stranger, to [Embedded].Listen. It
// fails at once when there is none, and within [Options].Timeout when it does not
// answer. The caller owns the connection and closes it.
func DialPublisher(ctx context.Context, o Options) (*nats.Conn, error) {
	o = o.withDefaults()
	where, err := publisherTarget(o)
	if err := errors.Join(err, ctx.Err()); err != nil {
		return nil, err
	}
	options := append(publisherOptions(o), where.options...)
	conn, err := nats.Connect(where.url, append(options, once(ctx, o, where)...)...)
	if err != nil {
		return nil, refused(o, where, err)
	}
	return conn, nil
}

func publisherTarget(o Options) (target, error) {
	if o.URL != "" {
		return elsewhere(o)
	}
	t, err := ownService(o)
	switch {
	case errors.Is(err, ErrNotRunning) && o.Embedded.PublisherToken == "":
		address := "nats://" + o.Embedded.Listen
		return target{url: address, addresses: address}, nil // no secret is shown there
	case errors.Is(err, ErrNotRunning):
		return t, fmt.Errorf("%w, or set nats.url to nats://TOKEN@HOST:PORT to show the token to the process that listens there", err)
	case err == nil && o.Embedded.PublisherToken != "":
		t.options = append(t.options, nats.Token(o.Embedded.PublisherToken))
	}
	return t, err
}

// ofService adds to a missing right which user may read the service's files.
func ofService(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: run this as the user of the service, or as root", err)
	}
	return err
}

func publisherOptions(o Options) []nats.Option {
	l := &link{log: o.Logger, onDenied: o.Denied}
	return []nats.Option{
		nats.Name(o.Name),
		nats.ErrorHandler(l.onError),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			if err != nil { // the caller did not close it
				l.log.Warn("lost the connection to nats: connecting again for some seconds", "err", err)
				giveUp(nc, o.Timeout)
			}
		}),
	}
}

// once are the options of a connection that a person waits for. Shares of
// [Options].Timeout bound the first try, the time until a peer that went silent is
// given up, and that in which a connection that is lost may come back.
func once(ctx context.Context, o Options, t target) []nats.Option {
	try := o.Timeout / 2
	if deadline, ok := ctx.Deadline(); ok {
		try = min(try, time.Until(deadline))
	}
	addresses := 1 + strings.Count(t.url, ",")
	return []nats.Option{
		nats.Timeout(try / time.Duration(addresses)),
		nats.PingInterval(o.Timeout / 12), // it ends when the third is due
		nats.MaxPingsOutstanding(pingsOut),
		nats.MaxReconnects(-1),
		nats.CustomReconnectDelay(retryDelay),
	}
}

// giveUp closes a connection that was lost and does not come back before long.
func giveUp(nc *nats.Conn, timeout time.Duration) {
	time.AfterFunc(timeout/4, func() {
		if !nc.IsConnected() {
			nc.Close()
		}
	})
}
