package broker

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/gallerywire/gallerywire/internal/store/atomicfile"
)

const (
	// maxPayload is the most that the embedded server takes in one message.
	maxPayload = 8 << 20
	// maxSubscriptions is how many a connection may have: far more than we need.
	maxSubscriptions = 1024
	// slowStart is after how long a start is logged as slow.
	slowStart = 10 * time.Second
	// readyCheck is how often a start is checked for failure.
	readyCheck = 100 * time.Millisecond
	// internalUser is the user of the node and its commands on the embedded server.
	internalUser = "gallerywire"
)

// writableRemedy is for a data directory that cannot be written.
const writableRemedy = "let this user write there, or choose another nats.embedded.data_dir"

// embeddedServer is a NATS server in this process, with its directory. Where its
// store stops taking writes, the server is started again (see watchStorage).
type embeddedServer struct {
	options Options
	dir     dataDir
	lock    *lock
	secret  string
	url     string // where a CMS connects; empty: nowhere

	mu         sync.Mutex
	nats       *server.Server // nil: none runs
	storageErr error          // why the store takes no writes

	background       sync.WaitGroup
	cancelBackground context.CancelFunc
}

// startServer locks the directory, starts the server in it, and blocks until it
// takes connections. On an error nothing is left behind.
func startServer(ctx context.Context, o Options) (s *embeddedServer, err error) {
	s = &embeddedServer{options: o, dir: dataDir(o.Embedded.DataDir)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	if err := ctx.Err(); err != nil {
		return s, fmt.Errorf("start nats in %s: %w", s.dir, err)
	}
	if err := s.claimDir(); err != nil {
		return s, err
	}
	var publishers *publisherListener
	if o.Embedded.Listen != "" {
		if publishers, err = listenForPublishers(o); err != nil {
			return s, err
		}
		s.url = publishers.url
	}
	if s.nats, err = s.start(ctx); err != nil {
		if publishers != nil {
			err = errors.Join(err, publishers.Close())
		}
		return s, err
	}
	ctx, s.cancelBackground = context.WithCancel(context.WithoutCancel(ctx))
	if publishers != nil {
		s.background.Go(func() {
			accept(ctx, publishers, func(conn net.Conn) { publishers.serve(ctx, conn, s.InProcessConn) })
		})
	}
	if commands := s.dir.listen(natsSocket, o.Logger); commands != nil {
		s.background.Go(func() {
			accept(ctx, commands, func(conn net.Conn) {
				if inner, err := s.InProcessConn(); err == nil {
					join(conn, inner)
				}
			})
		})
	}
	s.background.Go(func() { s.watchStorage(ctx) })
	return s, nil
}

// claimDir locks the directory and replaces the internal user's secret there, which
// only the owner can read. A secret that leaked before is useless then.
func (s *embeddedServer) claimDir() (err error) {
	if err = os.MkdirAll(string(s.dir), 0o700); err != nil {
		err = fmt.Errorf("make the data directory: %w", err)
	} else if s.lock, err = lockDir(s.dir); err == nil {
		s.secret = rand.Text() + rand.Text()
		err = atomicfile.Write(s.dir.path("secret"), func(w io.Writer) error {
			_, err := io.WriteString(w, s.secret+"\n")
			return err
		})
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOTDIR) {
		err = fmt.Errorf("%w: %s", err, writableRemedy)
	}
	return err
}

// start returns a server that takes connections, and leaves none behind on an
// error. It blocks while the server reads its files: where the number of a record is damaged
// that may not end, because the server lists all numbers that it takes for deleted.
func (s *embeddedServer) start(ctx context.Context) (ns *server.Server, err error) {
	if err := completeChecksums(string(s.dir)); err != nil {
		return nil, err
	}
	auth := newAuthenticator(s.secret, s.options)
	if ns, err = server.NewServer(s.serverOptions(auth)); err != nil {
		return nil, fmt.Errorf("start nats in %s: %w", s.dir, err)
	}
	defer func() {
		if err != nil {
			end(ns)
			ns = nil
		}
	}()
	log := &serverLog{log: s.options.Logger.With("from", "nats-server"), subjects: s.options.PublishSubjects}
	ns.SetLoggerV2(log, false, false, false)
	slow := time.AfterFunc(slowStart, func() {
		s.options.Logger.Error("the embedded server still reads its files: a large store after a crash takes a while; "+
			"if the memory of this process grows meanwhile a file is damaged, restore the data directory from a backup", "data_dir", s.dir, "after", slowStart)
	})
	ns.Start()
	slow.Stop()
	// Only now: a second account before the start would leave ours without
	// JetStream. Publishers wait until then, and the server's end waits for them.
	publishers, err := newAccounts(ns, s.options)
	auth.open(publishers)
	if err != nil {
		return ns, err
	}
	for {
		if err := errors.Join(log.fatal(), ctx.Err()); err != nil {
			return ns, fmt.Errorf("start nats in %s: %w", s.dir, err)
		}
		if ns.ReadyForConnections(readyCheck) {
			return ns, nil
		}
	}
}

func (s *embeddedServer) serverOptions(auth server.Authentication) *server.Options {
	embedded := s.options.Embedded
	return &server.Options{
		ServerName:                 s.options.Name,
		JetStream:                  true,
		StoreDir:                   embedded.DataDir,
		SyncAlways:                 embedded.SyncInterval <= 0,
		SyncInterval:               embedded.SyncInterval,
		MaxPayload:                 maxPayload,
		JetStreamMaxStore:          embedded.StoreLimit,
		NoSigs:                     true,
		DontListen:                 true, // see publisherListener
		ProxyProtocol:              true,
		MaxSubs:                    maxSubscriptions,
		DisableJetStreamBanner:     true,
		CustomClientAuthentication: auth,
	}
}

// end stops a server and waits for it.
func end(ns *server.Server) {
	ns.Shutdown()
	ns.WaitForShutdown()
}

// InProcessConn implements [nats.InProcessConnProvider].
func (s *embeddedServer) InProcessConn() (net.Conn, error) {
	ns := s.running()
	if ns == nil {
		return nil, errors.New("the embedded server is being started again")
	}
	return ns.InProcessConn()
}

// running returns nil while there is no server.
func (s *embeddedServer) running() *server.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nats
}

// stop undoes startServer, in reverse, as far as it had come.
func (s *embeddedServer) stop() error {
	if s.cancelBackground != nil {
		s.cancelBackground()
		s.background.Wait()
		_ = os.Remove(s.dir.path(natsSocket))
		_ = os.Remove(s.dir.path(adminSocket))
	}
	if ns := s.running(); ns != nil {
		end(ns)
	}
	if s.lock == nil {
		return nil
	}
	return s.lock.release()
}
