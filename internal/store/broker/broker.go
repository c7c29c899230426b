package broker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Options say where NATS is and what is ours there. The zero value runs an
// embedded server that listens nowhere, in the directory "data".
type Options struct {
	URL             string // addresses of servers elsewhere, separated by commas; empty: the embedded server
	CredentialsFile string // a NATS credentials file, for URL only
	TLS             TLS    // for URL only
	Embedded        Embedded

	Prefix   string // of the name of every stream, bucket and consumer of ours; default "gallerywire"
	Replicas int    // of every stream of ours; default 1; the embedded server has no more

	PublishSubjects []string // what a CMS may publish on the embedded server
	NoticeSubjects  []string // what it may subscribe to there, apart from the answers to its own requests
	OwnSubjects     []string // what it may neither publish nor subscribe to there, however wide the others are

	// Timeout is how long [DialOperator] and [DialPublisher], and each request over
	// a connection of theirs, wait for an answer; default 15 s.
	Timeout time.Duration

	// Denied is called with each right that the server says is missing, in the place
	// of a line in the log; it must not block.
	Denied func(*DeniedError)

	Name   string       // of the connection and of the embedded server, for people; default "gallerywire"
	Logger *slog.Logger // default: discards
}

// TLS names the files of the certificates to connect with. CertFile and
// KeyFile go together; without CAFile the system's authorities count.
type TLS struct {
	CAFile   string
	CertFile string
	KeyFile  string
}

// Embedded says how the embedded server runs.
type Embedded struct {
	Listen          string        // host:port where a CMS connects; port 0: any free one; empty: in-process only
	ListenElsewhere bool          // a taken port gives way to a free one of the same host
	DataDir         string        // holds the streams, the lock and the secret; default "data"
	SyncInterval    time.Duration // between flushes to the disk; 0: flush before each acknowledgement
	PublisherToken  string        // what a CMS must show, as token or as password; empty: nothing
	Publishers      []Publisher   // CMSs with an account each; with some, nobody publishes without a token
	StoreLimit      int64         // most bytes that all streams may have on the disk; 0: three quarters of what is free at the start
}

// publishers are those with a name, and the one without a name unless a token is
// needed and none is configured for it.
func (e Embedded) publishers() []Publisher {
	if e.PublisherToken == "" && len(e.Publishers) > 0 {
		return e.Publishers
	}
	return append([]Publisher{{Token: e.PublisherToken}}, e.Publishers...)
}

func (o Options) withDefaults() Options {
	o.Embedded.DataDir = cmp.Or(o.Embedded.DataDir, "data")
	o.Prefix = cmp.Or(o.Prefix, "gallerywire")
	o.Name = cmp.Or(o.Name, "gallerywire")
	o.Replicas = cmp.Or(o.Replicas, 1)
	o.Timeout = cmp.Or(o.Timeout, commandTimeout)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Broker is a connection to NATS and, when embedded, the server behind it.
// Its methods are safe for concurrent use.
type Broker struct {
	prefix    string
	replicas  int
	addresses string // where a CMS connects, without credentials
	log       *slog.Logger

	link   *link
	js     jetstream.JetStream
	server *embeddedServer // nil: elsewhere

	close    sync.Once
	closeErr error
}

// Open returns a broker. With the embedded server it blocks until that runs and
// is connected, ctx is done, or starting failed. With [Options].URL it returns
// without waiting for a connection and goes on connecting for ever: only wrong
// options are an error, NATS being away is not (see [Broker.Status]). The
// caller owns the broker and closes it; ctx bounds only the opening.
func Open(ctx context.Context, o Options) (*Broker, error) {
	o = o.withDefaults()
	if o.URL != "" {
		where, err := elsewhere(o)
		if err != nil {
			return nil, err
		}
		return connect(o, where)
	}
	if o.Replicas > 1 {
		return nil, fmt.Errorf("replicas is %d: the embedded server has one, give the address of a cluster or take 1", o.Replicas)
	}
	s, err := startServer(ctx, o)
	if err != nil {
		return nil, err
	}
	// The connection outlives the server that runs now: one that is started again has the same secret.
	b, err := connect(o, target{
		addresses: "the embedded server",
		options:   []nats.Option{nats.InProcessServer(s), nats.UserInfo(internalUser, s.secret)},
	})
	if err != nil {
		return nil, errors.Join(err, s.stop())
	}
	b.server, b.addresses = s, s.url
	if err := b.Status(); err != nil {
		return nil, errors.Join(err, b.Close())
	}
	return b, nil
}

// target is where to connect, and with which credentials.
type target struct {
	url       string
	addresses string // for people: without credentials
	options   []nats.Option
}

// connect connects as a node, which never gives up and does not wait for a first
// connection, or with the options of a command, which waits for [Options].Timeout.
func connect(o Options, t target, command ...nats.Option) (*Broker, error) {
	l := &link{addresses: t.addresses, log: o.Logger, onDenied: o.Denied, closed: make(chan struct{}), lost: time.Now(), waiters: map[*waiter]struct{}{}}
	options := append([]nats.Option{
		nats.Name(o.Name),
		nats.CustomInboxPrefix(InboxPrefix),
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(pingsOut),
		nats.DrainTimeout(drainTimeout),
		nats.ReconnectBufSize(-1),
		nats.ConnectHandler(l.onConnect),
		nats.ReconnectHandler(l.onConnect),
		nats.DisconnectErrHandler(l.onDisconnect),
		nats.ReconnectErrHandler(l.onRetry),
		nats.ErrorHandler(l.onError),
		nats.ClosedHandler(l.onClosed),
	}, t.options...)
	var answers []jetstream.JetStreamOpt
	if len(command) > 0 {
		l.retryFor = o.Timeout
		answers = append(answers, jetstream.WithDefaultTimeout(o.Timeout))
	} else {
		command = []nats.Option{
			nats.RetryOnFailedConnect(true),
			nats.MaxReconnects(-1),
			nats.CustomReconnectDelay(retryDelay),
			nats.IgnoreAuthErrorAbort(),
		}
	}
	var err error
	if l.conn, err = nats.Connect(t.url, append(options, command...)...); err != nil {
		return nil, explainRefusal(o, t, err)
	}
	js, err := jetstream.New(l.conn, answers...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("use jetstream: %w", err), l.close())
	}
	return &Broker{prefix: o.Prefix, replicas: o.Replicas, addresses: t.addresses, log: o.Logger, link: l, js: guardedJetStream{js, l}}, nil
}

// Conn returns the connection. Its owner is the broker: do not close it.
func (b *Broker) Conn() *nats.Conn { return b.link.conn }

// JetStream returns JetStream on the connection.
func (b *Broker) JetStream() jetstream.JetStream { return b.js }

// Status is nil while connected, else an error for operators who read a readiness
// check. It holds no credentials.
func (b *Broker) Status() error {
	l := b.link
	if l.conn.IsConnected() {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closing:
		return errors.New("the connection to nats is closed")
	case l.conn.IsClosed():
		return fmt.Errorf("nats at %s ended the connection for good, restart this process: %w", l.addresses, l.reason())
	}
	return fmt.Errorf("no connection to nats at %s, trying again: %w", l.addresses, l.reason())
}

// Away is for how long there has been no connection; 0 while there is one.
func (b *Broker) Away() time.Duration {
	l := b.link
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn.IsConnected() || l.lost.IsZero() { // it was lost at this moment
		return 0
	}
	return time.Since(l.lost)
}

// Storage is nil while the embedded server's store takes writes, and always for a
// server elsewhere. Else the error says what to do. It appears within two seconds of the
// first failed write and goes by itself: the server is started again inside this process
// once its disk takes writes.
func (b *Broker) Storage() error {
	if b.server == nil {
		return nil
	}
	b.server.mu.Lock()
	defer b.server.mu.Unlock()
	return b.server.storageErr
}

// Embedded reports whether the server runs inside this process.
func (b *Broker) Embedded() bool { return b.server != nil }

// ListenAdmin listens on the socket in the data directory over which [DialAdmin]
// reaches this process. It returns nil where there is none: the server is elsewhere,
// or the directory takes no socket, which is logged. The caller closes the listener.
func (b *Broker) ListenAdmin() net.Listener {
	if b.server == nil {
		return nil
	}
	return b.server.dir.listen(adminSocket, b.log)
}

// Stored returns how many bytes the embedded server stores, and how many it may;
// both are 0 when the server is elsewhere, or none runs.
func (b *Broker) Stored() (used, limit int64) {
	info := b.serverInfo()
	if info == nil {
		return 0, 0
	}
	return int64(info.Store), max(info.Config.MaxStore, 0)
}

// serverInfo is the state of the embedded server's store; nil where the server is
// elsewhere, is being started again, or stops.
func (b *Broker) serverInfo() *server.JSInfo {
	if b.server == nil {
		return nil
	}
	ns := b.server.running()
	if ns == nil {
		return nil
	}
	info, err := ns.Jsz(nil)
	if err != nil || info.Disabled {
		return nil
	}
	return info
}

// PublisherURL returns where a CMS connects: the address that the embedded
// server has really bound (empty when it listens nowhere), or the configured
// addresses without credentials, separated by commas.
func (b *Broker) PublisherURL() string { return b.addresses }

// MaxPayload returns the most bytes that the server takes in one message with
// its headers; 0 while there has been no connection yet.
func (b *Broker) MaxPayload() int64 { return b.link.conn.MaxPayload() }

// Name returns the name that a stream, bucket or consumer of ours has on the
// server: s with the prefix, so that several sites can share one server.
func (b *Broker) Name(s string) string { return b.prefix + "_" + s }

// OnReconnect has f called after each connection that is made from now on, the
// first one too unless it stood when Open returned. All are called one after the
// other, none after Close; f must not block.
func (b *Broker) OnReconnect(f func()) {
	b.link.mu.Lock()
	defer b.link.mu.Unlock()
	b.link.onReconnect = append(b.link.onReconnect, f)
}

// Close drains the connection, so that what has been received is handled and
// what has been published is sent, then stops the embedded server and frees
// its directory. It blocks until that is done; a second call does nothing more
// and returns the same.
func (b *Broker) Close() error {
	b.close.Do(func() {
		b.closeErr = b.link.close()
		if b.server != nil {
			b.closeErr = errors.Join(b.closeErr, b.server.stop())
		}
	})
	return b.closeErr
}
