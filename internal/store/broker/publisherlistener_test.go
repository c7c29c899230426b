package broker_test

import (
	"bufio"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
)

func TestOperatorConnectsWhilePublishersUseUpTheirConnections(t *testing.T) {
	o := brokertest.Options(t)
	b := open(t, o)
	for range 1024 {
		conn, err := net.Dial("tcp", strings.TrimPrefix(b.PublisherURL(), "nats://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(storetest.WaitLimit))
		if _, err := conn.Write([]byte("CONNECT {}\r\nPING\r\n")); err != nil {
			t.Fatal(err)
		}
		for in, line := bufio.NewReader(conn), ""; line != "PONG\r\n"; {
			if line, err = in.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := nats.Connect(b.PublisherURL()); err == nil {
		t.Error("there is room for one more")
	}
	operator, err := broker.DialOperator(t.Context(), o)
	if err != nil {
		t.Fatalf("operator: %v", err)
	}
	defer operator.Close()
	if _, err := operator.Bucket(t.Context(), "galleries"); err != nil {
		t.Error(err)
	}
}

// More large messages than may be on their way at a time arrive one after the
// other.
func TestLargeMessagesOfManyPublishersArrive(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	const subject, publishers = "article.published", 8
	received := subscribe(t, b.Conn(), subject)
	sizes := []int{64 << 10, 100, 8 << 20, 64<<10 - 1, 0}
	var sending sync.WaitGroup
	defer sending.Wait()
	want := 0
	for range publishers {
		nc := connect(t, b.PublisherURL())
		sending.Go(func() {
			for _, size := range sizes {
				if err := nc.Publish(subject, make([]byte, size)); err != nil {
					t.Errorf("%d bytes: %v", size, err)
				}
			}
		})
		for _, size := range sizes {
			want += size
		}
	}
	got := 0
	for range publishers * len(sizes) {
		got += len(storetest.Receive(t, "a message", received).Data)
	}
	if got != want {
		t.Errorf("%d bytes, want %d", got, want)
	}
}
