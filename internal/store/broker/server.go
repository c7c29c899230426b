package broker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// maxPayload is the most that the embedded server takes in one message.
const maxPayload = 8 << 20

// writableRemedy is for a data directory that cannot be written.
const writableRemedy = "let this user write there, or choose another nats.embedded.data_dir"

// slowStart is after how long a start is said to be slow.
const slowStart = 10 * time.Second

// readyCheck is how often a start looks whether it failed.
const readyCheck = 100 * time.Millisecond

// internalUser is the user of the node and its commands on the embedded server.
const internalUser = "gallerywire"

// embeddedServer is a NATS server in this process, with its directory. Where its
// store stops taking writes, the server is started again (see watchStorage).
type embeddedServer struct {
	options Options
	dir     dataDir
	lock    *lock
	secret  string
	address string // where a CMS connects; empty: nowhere

	mu         sync.Mutex
	nats       *server.Server // nil: none runs
	storageErr error          // why the store takes no writes

	background sync.WaitGroup
	endWork    context.CancelFunc // of what runs in the background
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
	publishers, err := listenForPublishers(o)
	if err != nil {
		return s, err
	}
	if s.nats, err = s.start(ctx); err != nil {
		if publishers != nil {
			err = errors.Join(err, publishers.Close())
		}
		return s, err
	}
	work, end := context.WithCancel(context.WithoutCancel(ctx))
	s.endWork = end
	if l := s.dir.listen(natsSocket, o.Logger); l != nil {
		s.background.Go(func() {
			accept(work, l, func(conn net.Conn) {
				if inner, err := s.InProcessConn(); err == nil {
					join(conn, inner)
				}
			})
		})
	}
	if publishers != nil {
		s.noteAddress(publishers.Addr().(*net.TCPAddr))
		e := newEntrance(o.Logger)
		s.background.Go(func() { accept(work, publishers, func(conn net.Conn) { e.enter(work, conn, s.InProcessConn) }) })
	}
	s.background.Go(func() { s.watchStorage(work) })
	return s, nil
}

func (s *embeddedServer) claimDir() (err error) {
	if err = os.MkdirAll(string(s.dir), 0o700); err != nil {
		err = fmt.Errorf("make the data directory: %w", err)
	} else if s.lock, err = lockDir(s.dir); err == nil {
		s.secret, err = s.dir.newSecret()
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
	options := serverOptions(s.options)
	auth := newAuthenticator(s.secret, s.options)
	options.CustomClientAuthentication = auth
	if ns, err = server.NewServer(options); err != nil {
		return nil, fmt.Errorf("start nats in %s: %w", s.dir, err)
	}
	defer func() {
		if err != nil {
			end(ns)
			ns = nil
		}
	}()
	log := &serverLog{log: s.options.Logger.With("component", "nats-server"), subjects: s.options.PublishSubjects}
	ns.SetLoggerV2(log, false, false, false)
	late := time.AfterFunc(slowStart, func() {
		s.options.Logger.Error("the embedded server still reads its files: a large store after a crash takes a while; "+
			"if the memory of this process grows meanwhile a file is damaged, restore the data directory from a backup", "data_dir", s.dir, "after", slowStart)
	})
	ns.Start()
	late.Stop()
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

// end stops a server and waits for it.
func end(ns *server.Server) {
	ns.Shutdown()
	ns.WaitForShutdown()
}

func (s *embeddedServer) noteAddress(bound *net.TCPAddr) {
	embedded := s.options.Embedded
	if !bound.IP.IsLoopback() && embedded.PublisherToken == "" && len(embedded.Publishers) == 0 {
		s.options.Logger.Warn("everyone who reaches this port may publish: set nats.embedded.publisher_token_file", "listen", bound.String())
	}
	s.address = "nats://" + dialable(bound)
}

// dialable is where to connect to reach a listener: one that is bound to every
// address is reached on the loopback.
func dialable(bound *net.TCPAddr) string {
	host := bound.IP.String()
	if bound.IP.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, strconv.Itoa(bound.Port))
}

// inProcess is the target of the node's own connection. It outlives the server
// that runs when it is made.
func (s *embeddedServer) inProcess() target {
	return target{addresses: "the embedded server", options: []nats.Option{
		nats.InProcessServer(s),
		nats.UserInfo(internalUser, s.secret),
	}}
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
	var errs []error
	if s.endWork != nil {
		s.endWork()
		s.background.Wait()
		_ = os.Remove(s.dir.path(natsSocket))
		_ = os.Remove(s.dir.path(adminSocket))
	}
	if ns := s.running(); ns != nil {
		end(ns)
	}
	if s.lock != nil {
		errs = append(errs, s.lock.release())
	}
	return errors.Join(errs...)
}
