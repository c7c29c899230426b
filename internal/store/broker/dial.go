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
)

// DialOperator connects as the node itself does, for commands that look after
// a running service: to [Options].URL with its credentials, or to the embedded
// server that runs in [Embedded].DataDir in another process. It fails at once when
// there is none, and within [Options].Timeout when it does not answer. The broker
// that it returns has no server of its own; the caller closes it.
func DialOperator(ctx context.Context, o Options) (*Broker, error) {
	o = o.withDefaults()
	where, err := runningService(o)
	if err == nil && o.URL == "" {
		dir := dataDir(o.Embedded.DataDir)
		_, err = dir.readSecret()
		err = addUser(err)
		where.options = append(where.options, nats.UserInfoHandler(func() (user, password string) {
			secret, _ := dir.readSecret() // read again each time: after a restart there is another
			return internalUser, secret
		}))
	}
	if err := errors.Join(err, ctx.Err()); err != nil {
		return nil, err
	}
	return connect(o, where, commandOptions(ctx, o, where)...)
}

// DialPublisher connects as a CMS does: to [Options].URL, or, with the publisher's
// token, to the embedded server that runs in [Embedded].DataDir. Where none runs
// there and there is no token to be shown to a stranger, to [Embedded].Listen. It
// fails at once when there is none, and within [Options].Timeout when it does not
// answer. The caller owns the connection and closes it.
func DialPublisher(ctx context.Context, o Options) (*nats.Conn, error) {
	o = o.withDefaults()
	where, err := runningService(o)
	token := o.Embedded.PublisherToken
	switch {
	case errors.Is(err, ErrNotRunning) && token == "":
		address := "nats://" + o.Embedded.Listen
		where, err = target{url: address, addresses: address}, nil
	case errors.Is(err, ErrNotRunning):
		err = fmt.Errorf("%w, or set nats.url to nats://TOKEN@HOST:PORT to show the token to the process that listens there", err)
	case o.URL == "" && token != "":
		where.options = append(where.options, nats.Token(token))
	}
	if err := errors.Join(err, ctx.Err()); err != nil {
		return nil, err
	}
	l := &link{log: o.Logger, onDenied: o.Denied}
	options := append(where.options,
		nats.Name(o.Name),
		nats.ErrorHandler(l.onError),
		nats.DisconnectErrHandler(func(nc *nats.Conn, err error) {
			if err != nil { // the caller did not close it
				l.log.Warn("lost the connection to nats: connecting again for some seconds", "err", err)
				giveUp(nc, o.Timeout)
			}
		}))
	conn, err := nats.Connect(where.url, append(options, commandOptions(ctx, o, where)...)...)
	if err != nil {
		return nil, explainRefusal(o, where, err)
	}
	return conn, nil
}

// DialAdmin connects to what the service that runs on [Embedded].DataDir listens
// for with [Broker.ListenAdmin]: only the directory's owner can be there, so that
// nothing is shown to a stranger that has the port of one that died.
func DialAdmin(o Options) (net.Conn, error) {
	o = o.withDefaults()
	conn, err := dataDir(o.Embedded.DataDir).dial(adminSocket)
	if err != nil {
		return nil, explainSocket(o, err)
	}
	return conn, nil
}

// runningService is the server at [Options].URL, or the one that runs on the data
// directory, over its socket: only the directory's owner can listen there, so that
// nothing is shown to a stranger that has the port of one that died.
func runningService(o Options) (target, error) {
	if o.URL != "" {
		return elsewhere(o)
	}
	dir := dataDir(o.Embedded.DataDir)
	conn, err := dir.InProcessConn()
	if err != nil {
		return target{}, explainSocket(o, err)
	}
	where := "the service on " + filepath.Clean(o.Embedded.DataDir) + "/"
	return target{addresses: where, options: []nats.Option{nats.InProcessServer(dir)}}, conn.Close()
}

// ErrNotRunning means that no service runs on a directory. The errors that wrap it say
// what to do.
var ErrNotRunning = errors.New("no gallerywire is running")

// explainSocket says why there is no connection to a socket of the data directory.
func explainSocket(o Options, err error) error {
	dir := filepath.Clean(o.Embedded.DataDir)
	if errors.Is(err, fs.ErrNotExist) || connectionRefused(err) {
		return fmt.Errorf("%w on %s/: start \"gallerywire serve\" first, or say where it runs with GALLERYWIRE_NATS_EMBEDDED_DATA_DIR "+
			"(under systemd /var/lib/gallerywire), or with -c and its configuration", ErrNotRunning, dir)
	}
	return addUser(fmt.Errorf("the service on %s/: %w", dir, plain(err)))
}

// addUser adds to a missing right which user may read the service's files.
func addUser(err error) error {
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: run this as the user of the service, or as root", err)
	}
	return err
}

// commandOptions are those of a connection that a person waits for. Shares of
// [Options].Timeout bound the first try, the time until a silent peer is given up,
// and the time in which a lost connection may come back.
func commandOptions(ctx context.Context, o Options, t target) []nats.Option {
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
