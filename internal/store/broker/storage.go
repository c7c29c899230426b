package broker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// storageInterval is how often the server is asked whether it can write.
	storageInterval = time.Second
	// A server that was started again and soon cannot write is started again
	// later each time.
	restartLeast = time.Second
	restartMost  = time.Minute
)

// watchStorage asks the server, until ctx ends, whether its streams take writes.
// After a write that failed nats-server 2.15 refuses all others to the stream,
// without an answer and whatever space there is, until it is started again: that
// is done here, once a file can be written where the stream is.
func (s *embeddedServer) watchStorage(ctx context.Context) {
	ticks := time.NewTicker(storageInterval)
	defer ticks.Stop()
	var broken []server.HealthzError
	var streams []string
	var restarted time.Time
	wait := restartLeast
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		if ns := s.running(); ns != nil {
			broken, streams = brokenStreams(ns), streamNames(ns)
			s.noteStorage(broken)
		}
		switch {
		case len(broken) == 0 && time.Since(restarted) > restartMost:
			wait = restartLeast
		case len(broken) > 0 && time.Since(restarted) > wait && s.canWrite(broken):
			restarted, wait = time.Now(), min(2*wait, restartMost)
			s.restart(ctx, streams)
		}
	}
}

// brokenStreams returns those that take no writes. It asks the server's own
// state: its log also holds what clients say.
func brokenStreams(ns *server.Server) []server.HealthzError {
	health := ns.Healthz(&server.HealthzOptions{Details: true})
	return slices.DeleteFunc(health.Errors, func(e server.HealthzError) bool {
		return e.Type != server.HealthzErrorJetStream && (e.Type != server.HealthzErrorStream || !strings.Contains(e.Error, " write error: "))
	})
}

// streamNames returns nothing when the server does not say.
func streamNames(ns *server.Server) (names []string) {
	info, err := ns.Jsz(&server.JSzOptions{Accounts: true, Streams: true})
	if err != nil {
		return nil
	}
	for _, account := range info.AccountDetails {
		for _, stream := range account.Streams {
			names = append(names, stream.Name)
		}
	}
	return names
}

func (s *embeddedServer) noteStorage(broken []server.HealthzError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(broken) == 0 {
		if s.storageErr != nil {
			s.options.Logger.Info("the embedded server can write again")
		}
		s.storageErr = nil
		return
	}
	err := fmt.Errorf("the embedded server cannot write: make room on its disk, then it goes on by itself: %s", broken[0].Error)
	if s.storageErr == nil {
		s.options.Logger.Error("the embedded server cannot write: make room on its disk, then it goes on by itself", "err", broken[0].Error)
	}
	s.storageErr = err
}

// canWrite reports whether a file as large as the largest message can be
// written where the streams are. Where even the directory of one is missing or
// damaged, starting the server would cost it the stream.
func (s *embeddedServer) canWrite(broken []server.HealthzError) bool {
	for _, b := range broken {
		dir := string(s.dir)
		if b.Type == server.HealthzErrorStream {
			dir = filepath.Join(dir, server.JetStreamStoreDir, b.Account, "streams", b.Stream, "msgs")
		}
		f, err := os.CreateTemp(dir, "probe-*")
		if err != nil {
			return false
		}
		_, err = f.Write(make([]byte, maxPayload))
		if errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name())) != nil {
			return false
		}
	}
	return true
}

// restart starts the server again with what it stored. Connections are lost for
// a moment, and made again by their owners. Where it comes back without one of
// the streams, or not at all, none runs: what is stored is safe from clients
// that make an empty stream where one is missing.
func (s *embeddedServer) restart(ctx context.Context, streams []string) {
	s.options.Logger.Warn("starting the embedded server again, so that it writes again")
	if old := s.replace(nil); old != nil {
		end(old)
	}
	ns, err := s.start(ctx)
	if err == nil {
		found := streamNames(ns)
		if lost := slices.DeleteFunc(slices.Clone(streams), func(name string) bool { return slices.Contains(found, name) }); len(lost) > 0 {
			err = fmt.Errorf("it does not find %s any more", strings.Join(lost, ", "))
			end(ns)
		}
	}
	if err != nil {
		s.options.Logger.Error("the embedded server does not start again, trying again", "err", err)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.storageErr = fmt.Errorf("the embedded server does not start again, trying again: %w", err)
		return
	}
	s.replace(ns)
}

func (s *embeddedServer) replace(ns *server.Server) (old *server.Server) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, s.nats = s.nats, ns
	return old
}
