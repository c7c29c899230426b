package bucket_test

import (
	"bytes"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
)

// stalling is the address of a way to a server that holds the first record back for
// so long, with all that follows it.
func stalling(t *testing.T, server string, long time.Duration) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var copying sync.WaitGroup
	t.Cleanup(func() {
		_ = l.Close()
		copying.Wait()
	})
	var once sync.Once
	copying.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", server)
			if err != nil {
				_ = near.Close()
				continue
			}
			copying.Go(func() {
				defer far.Close()
				_, _ = io.Copy(far, near)
			})
			copying.Go(func() {
				defer near.Close()
				buffer := make([]byte, 32<<10)
				for {
					n, err := far.Read(buffer)
					if bytes.Contains(buffer[:n], []byte("$KV.")) {
						once.Do(func() { <-time.After(long) })
					}
					if _, failed := near.Write(buffer[:n]); failed != nil || err != nil {
						return
					}
				}
			})
		}
	})
	return "nats://" + l.Addr().String()
}

// Records that the server has sent may not have arrived. A node that counts as ready
// before they have would treat stored records as gone.
func TestNotReadyBeforeRecordsInFlightArrive(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	direct := dial(t, broker.Options{URL: server.URL()})
	makeBucket(t, direct)
	for _, key := range []string{"a", "b", "c"} {
		put(t, direct, key, key)
	}
	for _, long := range []time.Duration{4 * time.Second, 7500 * time.Millisecond, 8 * time.Second} {
		t.Run(long.String(), func(t *testing.T) {
			t.Parallel()
			b := dial(t, broker.Options{URL: stalling(t, strings.TrimPrefix(server.URL(), "nats://"), long)})
			follow(t, b).says("begin 3", "1 a", "2 b", "3 c", "whole 3")
		})
	}
}
