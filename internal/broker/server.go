package broker

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// maxPayload is the most that the embedded server takes in one message.
const maxPayload = 8 << 20

// writableRemedy is for a data directory that can not be written.
const writableRemedy = "let this user write there, or choose another nats.embedded.data_dir"

// internalUser is who the node and its commands are on the embedded server.
const internalUser = "gallerywire"

// embeddedServer is a NATS server in this process, with its directory.
type embeddedServer struct {
	nats    *server.Server
	log     *serverLog
	dir     dataDir
	lock    *lock
	secret  string
	address string // where a CMS connects; empty: nowhere
}

// startServer locks the directory, starts the server in it, and blocks until it
// takes connections. On an error nothing is left behind.
func startServer(ctx context.Context, o Options) (s *embeddedServer, err error) {
	s = &embeddedServer{dir: dataDir(o.Embedded.DataDir)}
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
	if err := s.start(ctx, o); err != nil {
		return s, err
	}
	return s, s.publishAddress(o)
}

func (s *embeddedServer) claimDir() (err error) {
	if err = os.MkdirAll(string(s.dir), 0o700); err != nil {
		err = fmt.Errorf("make the data directory: %w", err)
	} else if s.lock, err = lockDir(s.dir); err == nil {
		s.secret, err = s.dir.secret()
	}
	if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.ENOTDIR) {
		err = fmt.Errorf("%w: %s", err, writableRemedy)
	}
	return err
}

func (s *embeddedServer) start(ctx context.Context, o Options) error {
	options, err := serverOptions(o)
	if err != nil {
		return err
	}
	door := newDoorman(s.secret, o)
	options.CustomClientAuthentication = door
	if s.nats, err = server.NewServer(options); err != nil {
		return fmt.Errorf("start nats in %s: %w", s.dir, err)
	}
	log := &serverLog{log: o.Logger.With("component", "nats-server"), subjects: o.PublishSubjects}
	s.log = log
	s.nats.SetLoggerV2(log, false, false, false)
	s.nats.Start()
	// Only now: a second account before the start would leave ours without
	// JetStream. The door is opened in any case, since the server's end waits
	// for those who wait there.
	publishers, err := newPublishers(s.nats, o)
	door.open(publishers)
	if err != nil {
		return err
	}
	return s.awaitReady(ctx, log, options.DontListen)
}

func (s *embeddedServer) awaitReady(ctx context.Context, log *serverLog, inProcessOnly bool) error {
	const patience = 100 * time.Millisecond
	for {
		if err := log.fatal(); err != nil {
			return fmt.Errorf("start nats in %s: %w", s.dir, err)
		}
		if s.nats.ReadyForConnections(patience) && (inProcessOnly || s.nats.Addr() != nil) {
			return nil
		}
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("start nats in %s: %w", s.dir, err)
		}
	}
}

// publishAddress leaves the address where commands in other processes find it.
func (s *embeddedServer) publishAddress(o Options) error {
	bound, ok := s.nats.Addr().(*net.TCPAddr)
	if !ok {
		return nil
	}
	if !bound.IP.IsLoopback() && o.Embedded.PublisherToken == "" {
		o.Logger.Warn("whoever reaches this port may publish: set nats.embedded.publisher_token_file", "listen", bound.String())
	}
	s.address = "nats://" + dialable(bound)
	return s.dir.writeAddress(s.address)
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

func (s *embeddedServer) inProcess() target {
	return target{addresses: "the embedded server", options: []nats.Option{
		nats.InProcessServer(s.nats),
		nats.UserInfo(internalUser, s.secret),
	}}
}

// stop undoes startServer, in reverse, as far as it had come.
func (s *embeddedServer) stop() error {
	var errs []error
	if s.address != "" {
		errs = append(errs, s.dir.removeAddress())
	}
	if s.nats != nil {
		s.nats.Shutdown()
		s.nats.WaitForShutdown()
	}
	if s.lock != nil {
		errs = append(errs, s.lock.release())
	}
	return errors.Join(errs...)
}
