package broker_test

import (
	"bufio"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
)

// hostile sends lines to the publishers' port and returns once the server has
// ended the connection, or has answered a ping.
func hostile(t *testing.T, b *broker.Broker, lines ...string) {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(b.PublisherURL(), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(storetest.WaitLimit)); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprint(conn, strings.Join(append(lines, "PING", ""), "\r\n")); err != nil {
		t.Fatal(err)
	}
	for answers := bufio.NewScanner(conn); answers.Scan(); {
		if answers.Text() == "PONG" {
			return
		}
	}
}

func TestClientTextInTheServerLogDoesNotFailTheStore(t *testing.T) {
	t.Parallel()
	for name, token := range map[string]string{"no token": "", "a token": "the token"} {
		t.Run(name, func(t *testing.T) {
			var log logBuffer
			b := brokertest.Start(t, func(o *broker.Options) { o.Embedded.PublisherToken, o.Logger = token, log.logger(slog.LevelWarn) })
			hostile(t, b, `CONNECT {"user":"no space left on device","pass":"wrong"}`)
			hostile(t, b, `CONNECT {"user":"gallerywire","pass":"wrong","name":"no space left on device"}`)
			hostile(t, b, `CONNECT {"name":"Critical write error"}`, "NONSENSE")
			hostile(t, b, `CONNECT {"lang":"go","version":"no space left","name":" write error: "}`, "NONSENSE")
			hostile(t, b, `CONNECT {"name":"Critical write error"}`, "PUB no.space.left 1", "x")
			hostile(t, b, `Critical write error: no space left on device`)
			if logged := log.String(); !strings.Contains(logged, "Critical write error") && !strings.Contains(logged, "no space left") {
				t.Errorf("the server logs nothing of that:\n%s", logged)
			}
			if err := errors.Join(b.Status(), b.Storage()); err != nil {
				t.Error(err)
			}
		})
	}
}

// fill publishes into the bucket until that is not acknowledged, and returns how
// many were.
func fill(t *testing.T, b *broker.Broker) (stored int) {
	t.Helper()
	for range 64 {
		if !put(t, b, stored, make([]byte, 1<<20)) {
			return stored
		}
		stored++
	}
	t.Fatal("the store takes everything")
	return 0
}

// put reports whether a record was acknowledged.
func put(t *testing.T, b *broker.Broker, key int, data []byte) bool {
	t.Helper()
	future, err := b.JetStream().PublishAsync(fmt.Sprintf("$KV.gallerywire_galleries.k%d", key), data)
	if err != nil {
		return false
	}
	select {
	case <-future.Ok():
		return true
	case <-future.Err():
	case <-time.After(time.Second): // a server that cannot write does not answer
	}
	return false
}

// wantHealed asserts that the store, full for now, is reported full, and after mend
// takes writes again over the connections that there are, with all that it had.
func wantHealed(t *testing.T, b *broker.Broker, mend func()) {
	t.Helper()
	again := make(chan struct{}, 8)
	b.OnReconnect(func() { again <- struct{}{} })
	cms := connect(t, b.PublisherURL())
	stored := fill(t, b)
	storetest.Eventually(t, "the trouble is known", func() bool { return b.Storage() != nil })
	wantError(t, b.Storage(), "the embedded server cannot write: make room on its disk, then it goes on by itself")
	if err := b.Status(); err != nil {
		t.Errorf("the connection: %v", err)
	}
	mend()
	storetest.Receive(t, "a new connection of the node", again)
	storetest.Eventually(t, "the store is well", func() bool { return b.Storage() == nil })
	if !put(t, b, stored, nil) {
		t.Error("the store takes nothing")
	}
	bucket, err := b.Bucket(t.Context(), "galleries")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := bucket.CachedInfo().State.Msgs, uint64(stored+1); got < want || got > want+1 { // one was refused, or came before
		t.Errorf("%d records, want %d", got, want)
	}
	storetest.Eventually(t, "the CMS is connected again", cms.IsConnected)
}

func startWithBucket(t *testing.T, o broker.Options) *broker.Broker {
	t.Helper()
	b := open(t, o)
	if _, err := b.Bucket(t.Context(), "galleries"); err != nil {
		t.Fatal(err)
	}
	return b
}

// breakWrites makes every write of a new block of the bucket fail, as on a disk
// that is full, until mend is called.
func breakWrites(t *testing.T, o broker.Options) (mend func()) {
	t.Helper()
	blocks := filepath.Join(o.Embedded.DataDir, "jetstream", "$G", "streams", "KV_gallerywire_galleries", "msgs")
	away := filepath.Join(t.TempDir(), "msgs")
	if err := errors.Join(os.Rename(blocks, away), os.WriteFile(blocks, nil, 0o600)); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := errors.Join(os.Remove(blocks), os.Rename(away, blocks)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStoreRecoversFromFailedWrites(t *testing.T) {
	t.Parallel()
	o := brokertest.Options(t)
	b := startWithBucket(t, o)
	wantHealed(t, b, breakWrites(t, o))
}

// A server that does not come back with all that it had says so, and not that its
// disk is full.
func TestRestartThatLosesAStreamIsReported(t *testing.T) {
	t.Parallel()
	o := brokertest.Options(t)
	b := startWithBucket(t, o)
	if _, err := b.Bucket(t.Context(), "site"); err != nil {
		t.Fatal(err)
	}
	mend := breakWrites(t, o)
	fill(t, b)
	storetest.Eventually(t, "the trouble is known", func() bool { return b.Storage() != nil })
	if err := os.RemoveAll(filepath.Join(o.Embedded.DataDir, "jetstream", "$G", "streams", "KV_gallerywire_site")); err != nil {
		t.Fatal(err)
	}
	mend()
	storetest.Eventually(t, "the server was started again", func() bool { return !strings.Contains(b.Storage().Error(), "make room on its disk") })
	wantError(t, b.Storage(), "the embedded server does not start again, trying again: it does not find KV_gallerywire_site any more")
}

func TestStoreRecoversFromAFullDisk(t *testing.T) {
	t.Parallel()
	o := brokertest.Options(t)
	o.Embedded.SyncInterval = 0
	if err := os.Mkdir(o.Embedded.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	const size = 64 << 20
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size="+strconv.Itoa(size), "tmpfs", o.Embedded.DataDir).CombinedOutput(); err != nil {
		t.Skipf("nobody but root can mount a small disk; the test before this one makes writes fail in another way: %s", out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", o.Embedded.DataDir).CombinedOutput(); err != nil {
			t.Errorf("umount: %s", out)
		}
	})
	b := startWithBucket(t, o)
	// The server's own limit is three quarters of the disk, so somebody else fills it.
	ballast := filepath.Join(o.Embedded.DataDir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, size/2), 0o600); err != nil {
		t.Fatal(err)
	}
	wantHealed(t, b, func() {
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
	})
}
