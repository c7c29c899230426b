package broker

import (
	"context"
	"math"
	"net"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
)

// full is a listener of a process that may open no more files at first.
type full struct {
	net.Listener
	once sync.Once
}

func (f *full) Accept() (conn net.Conn, err error) {
	f.once.Do(func() { err = &net.OpError{Op: "accept", Err: syscall.EMFILE} })
	if err != nil {
		return nil, err
	}
	return f.Listener.Accept()
}

func TestCommandsConnectAfterTheProcessHadTooManyFilesOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	handedOn := make(chan struct{}, 1)
	go func() {
		defer close(ended)
		accept(ctx, &full{Listener: l}, func(net.Conn) { handedOn <- struct{}{} })
	}()
	conn, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	select {
	case <-handedOn:
	case <-ended:
		t.Error("nobody accepts connections any more")
	}
	cancel()
	<-ended
}

func TestUnreservedIsUnknownWhileTheServerIsStartedAgain(t *testing.T) {
	t.Parallel()
	b := &Broker{server: &embeddedServer{}}
	if n := b.unreserved(); n != math.MaxInt64 {
		t.Errorf("%d bytes are unreserved", n)
	}
}
