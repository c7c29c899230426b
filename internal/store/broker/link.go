package broker

import (
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// InboxPrefix is where the answers to our own requests arrive, instead of in
// _INBOX, which others on the same server may be allowed to listen to. On a
// server with permissions we must be allowed to subscribe to InboxPrefix.>.
const InboxPrefix = "_GW_INBOX"

const (
	// A peer that went silent is noticed when the third ping is due.
	pingInterval = 7 * time.Second
	pingsOut     = 2

	drainTimeout   = 10 * time.Second
	firstRetry     = 50 * time.Millisecond
	slowestRetry   = 5 * time.Second
	commandTimeout = 15 * time.Second
)

// link is one connection to NATS and what is known about its state.
type link struct {
	conn      *nats.Conn
	addresses string // for people: without credentials
	log       *slog.Logger
	closed    chan struct{} // closed after the last callback of conn

	onDenied func(*DeniedError) // instead of a line in the log; may be nil
	retryFor time.Duration      // for commands: how long a lost connection is retried; 0: for ever, as nodes do

	mu          sync.Mutex
	onReconnect []func()
	lastErr     error     // of the last try to connect; nil once connected
	lost        time.Time // since when there is no connection; zero: there is one
	closing     bool
	denied      []*DeniedError // rights that were found missing since then
	waiters     map[*waiter]struct{}
}

// explainRefusal says why a command or publisher has no connection, and what to do.
func explainRefusal(o Options, t target, err error) error {
	if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() || errors.Is(err, nats.ErrTimeout) {
		err = explainedError{fmt.Sprintf("no answer within %s", o.Timeout), err}
	} else if o.URL == "" && errors.Is(err, nats.ErrAuthorization) {
		err = explainedError{"the service does not accept this publisher: name the file of its token with GALLERYWIRE_NATS_EMBEDDED_PUBLISHER_TOKEN_FILE, or with -c and a configuration that states it", err}
	}
	return fmt.Errorf("connect to nats at %s: %w", t.addresses, plain(err))
}

// retryDelay grows by half with each attempt, so that being back takes about
// half as long again as the server was away, and never more than the slowest.
// A fifth of it is left to chance, so that nodes do not come in step.
func retryDelay(attempt int) time.Duration {
	d := firstRetry
	for range min(attempt-1, 20) {
		d += d / 2
	}
	d = min(d, slowestRetry)
	return d - rand.N(d/5)
}

func (l *link) onConnect(nc *nats.Conn) {
	l.mu.Lock()
	l.lastErr, l.lost, l.denied = nil, time.Time{}, nil
	calls := l.onReconnect
	l.mu.Unlock()
	l.log.Info("connected to nats", "url", l.addresses, "server", nc.ConnectedServerName())
	// The connection that stood when Open returned is no reconnection.
	if nc.Stats().Reconnects > 0 {
		for _, f := range calls {
			f()
		}
	}
}

func (l *link) onDisconnect(nc *nats.Conn, err error) {
	l.mu.Lock()
	l.lastErr = err
	if l.lost.IsZero() {
		l.lost = time.Now()
	}
	closing := l.closing
	l.mu.Unlock()
	if l.retryFor > 0 && !closing {
		giveUp(nc, l.retryFor)
	}
	if !closing {
		l.log.Warn("lost the connection to nats: connecting again until it is there", "err", plain(err))
	}
}

// onRetry is called for each failed try, and logs the first of a kind.
func (l *link) onRetry(_ *nats.Conn, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lastErr == nil || l.lastErr.Error() != err.Error() {
		l.log.Warn("no connection to nats yet: trying again", "url", l.addresses, "err", plain(err))
	}
	l.lastErr = err
}

func (l *link) onError(_ *nats.Conn, sub *nats.Subscription, err error) {
	if missing, ok := Denied(err); ok {
		l.deny(missing)
		return
	}
	log := l.log
	if sub != nil {
		log = log.With("subject", sub.Subject)
	}
	log.Warn("nats reports an error", "err", plain(err))
}

func (l *link) onClosed(nc *nats.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.closing {
		l.lastErr = nc.LastError()
		l.log.Error("nats ended the connection for good: restart this process", "err", plain(l.lastErr))
	}
	close(l.closed)
}

// reason is why there is no connection: the connection has the error of a server that
// refuses us, onRetry gets that of one that cannot be reached.
func (l *link) reason() error {
	if err := l.conn.LastError(); err != nil {
		return plain(err)
	}
	if l.lastErr != nil {
		return plain(l.lastErr)
	}
	return plain(nats.ErrDisconnected)
}

// close drains the connection and waits for its last callback.
func (l *link) close() error {
	l.mu.Lock()
	l.closing = true
	l.mu.Unlock()
	var err error
	if l.retryFor == 0 {
		err = l.conn.Drain()
	}
	if l.retryFor > 0 || err != nil {
		l.conn.Close()
	}
	<-l.closed
	if errors.Is(err, nats.ErrConnectionReconnecting) || errors.Is(err, nats.ErrConnectionClosed) {
		return nil
	}
	return err
}
