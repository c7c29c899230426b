package broker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"
)

// The sockets of a data directory, on which commands in other processes connect.
const (
	natsSocket  = "socket" // to the embedded server
	adminSocket = "admin"  // to the operators' HTTP handlers
)

// listen makes a socket on which commands in other processes connect: in the
// directory, so that only its user can use it, and nobody else can listen there,
// also after this process was killed. Without one, which some file systems refuse,
// the service runs, and nil is returned.
func (d dataDir) listen(name string, log *slog.Logger) (l net.Listener) {
	_ = os.Remove(d.path(name)) // of a process that was killed
	err := d.shortly(name, func(path string) (err error) {
		if l, err = net.Listen("unix", path); err != nil {
			return err
		}
		l.(*net.UnixListener).SetUnlinkOnClose(false)
		return os.Chmod(d.path(name), 0o600)
	})
	if err == nil {
		return l
	}
	log.Warn("commands such as rejects and export cannot connect to this node: nats.embedded.data_dir takes no socket", "err", err)
	if l != nil {
		_ = l.Close()
	}
	return nil
}

// acceptAgain is how long a process that may open no more files waits for another
// to be closed.
const acceptAgain = 100 * time.Millisecond

// accept has serve deal with each connection, in its own goroutine, until ctx ends.
// It closes them all.
func accept(ctx context.Context, l net.Listener, serve func(net.Conn)) {
	var connections sync.WaitGroup
	defer connections.Wait()
	defer l.Close()
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		conn, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			select {
			case <-time.After(acceptAgain):
			case <-ctx.Done():
			}
			continue
		}
		connections.Go(func() {
			defer conn.Close()
			defer context.AfterFunc(ctx, func() { conn.Close() })()
			serve(conn)
		})
	}
}

// join copies both ways, and returns once either side has ended and both are
// closed.
func join(outer, inner net.Conn) {
	var there sync.WaitGroup
	there.Go(func() {
		_, _ = io.Copy(inner, outer)
		inner.Close()
	})
	_, _ = io.Copy(outer, inner)
	outer.Close()
	there.Wait()
}

// InProcessConn implements [nats.InProcessConnProvider]: it connects to the socket
// of the process that runs on the directory.
func (d dataDir) InProcessConn() (net.Conn, error) {
	conn, err := d.dial(natsSocket)
	if err != nil {
		return nil, err
	}
	return socketConn{conn}, nil
}

func (d dataDir) dial(name string) (conn net.Conn, err error) {
	err = d.shortly(name, func(path string) (err error) {
		conn, err = net.DialTimeout("unix", path, commandTimeout)
		return err
	})
	return conn, err
}

// socketConn lets a writer read why the other side has closed the connection: the
// reason arrives first, but unlike over TCP a write fails at once.
type socketConn struct{ net.Conn }

// Write implements [net.Conn].
func (c socketConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if errors.Is(err, syscall.EPIPE) {
		return len(b), nil // the next read ends
	}
	return n, err
}

// maxSocketPath is the longest path of a socket on every system.
const maxSocketPath = 100

// shortly calls do with a path of the named socket that is short enough for one:
// where its own is not, by way of a link that lives as long as the call.
func (d dataDir) shortly(name string, do func(path string) error) error {
	path := d.path(name)
	if len(path) <= maxSocketPath {
		return do(path)
	}
	whole, err := filepath.Abs(string(d))
	if err != nil {
		return err
	}
	if _, err := os.Stat(whole); err != nil {
		return err
	}
	links, err := os.MkdirTemp("", "gw")
	if err != nil {
		return fmt.Errorf("shorten the path of the socket: %w", err)
	}
	defer os.RemoveAll(links)
	link := filepath.Join(links, "d")
	if err := os.Symlink(whole, link); err != nil {
		return fmt.Errorf("shorten the path of the socket: %w", err)
	}
	return do(filepath.Join(link, name))
}
