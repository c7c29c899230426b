package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/edition"
	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/nats-io/nats.go/jetstream"
)

// cms hears what gates tell.
type cms struct {
	mu    sync.Mutex
	ids   []string
	said  []string // the events as they are sent
	fails int      // so many times more it can not be told
}

func (c *cms) hear(_ context.Context, e event.CloudEvent) error {
	data, err := e.Encode()
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.said = append(c.said, string(data))
	if c.fails > 0 {
		c.fails--
		return errors.New("no servers")
	}
	c.ids = append(c.ids, e.ID)
	return nil
}

func (c *cms) heard() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.ids)
}

// gateOf makes a gate on the marks of a.
func gateOf(a *App, c *cms, lease time.Duration) *gate {
	return &gate{
		bucket: func(ctx context.Context) (jetstream.KeyValue, error) { return a.keyValue(ctx, bucketNotices) },
		send:   c.hear, lease: lease, log: slog.New(slog.DiscardHandler), wake: make(chan struct{}, 1),
	}
}

func faultOf(revision string) edition.Fault {
	return edition.Fault{Feed: "all", Gallery: "harbour", Rank: gallery.Rank{Hash: gallery.HashOf([]byte(revision))}, Reason: "too long"}
}

func TestOfManyNodesOneTellsOfAFault(t *testing.T) {
	a, c := &App{broker: brokertest.Start(t)}, &cms{}
	var nodes []*gate
	for range 3 {
		nodes = append(nodes, gateOf(a, c, time.Minute))
	}
	for _, revision := range []string{"first", "second"} {
		var telling sync.WaitGroup
		for _, g := range nodes {
			g.note(faultOf(revision))
			telling.Go(func() { g.tellAll(t.Context()) })
		}
		telling.Wait()
	}
	later := gateOf(a, c, time.Minute)
	later.note(faultOf("first"))
	for _, g := range append(nodes, later) {
		g.tellAll(t.Context()) // who waited for another sees that it told
		if len(g.faults) > 0 {
			t.Errorf("%d faults still wait", len(g.faults))
		}
	}
	if heard := c.heard(); len(heard) != 2 || heard[0] == heard[1] {
		t.Errorf("heard %q, want each of two once", heard)
	}
}

// A node that dies after it claimed a fault, and before it told it, has another tell.
func TestAFaultThatIsClaimedAndNotToldIsToldByAnother(t *testing.T) {
	a, c := &App{broker: brokertest.Start(t)}, &cms{}
	dying := gateOf(a, c, 0)
	dying.note(faultOf("first"))
	bucket := openBucket(t, a)
	id := gallery.HashOf(fmt.Appendf(nil, "%s %s", "harbour", faultOf("first").Rank.Hash)).String()
	claimed, told, err := dying.claim(t.Context(), bucket, "faulty."+id, dying.faults[0])
	if claimed == 0 || told || err != nil {
		t.Fatalf("claimed %d, told %v: %v", claimed, told, err)
	}
	other := gateOf(a, c, 50*time.Millisecond)
	other.note(faultOf("first"))
	other.tellAll(t.Context())
	if heard := c.heard(); len(heard) > 0 {
		t.Fatalf("told within the lease: %q", heard)
	}
	soon(t, func() bool {
		other.tellAll(t.Context())
		return len(other.faults) == 0
	})
	if heard := c.heard(); len(heard) != 1 {
		t.Errorf("heard %q", heard)
	}
}

func TestAFaultIsToldOnceTheServerIsBack(t *testing.T) {
	a, c := &App{broker: brokertest.Start(t)}, &cms{fails: 3}
	g := gateOf(a, c, time.Hour) // nobody else can have told it
	g.note(faultOf("first"))
	g.note(faultOf("second"))
	for range 5 {
		g.tellAll(t.Context())
	}
	if heard := c.heard(); len(heard) != 2 || heard[0] == heard[1] || len(g.faults) > 0 {
		t.Errorf("heard %q, %d wait", heard, len(g.faults))
	}
	slices.Sort(c.said) // some of what failed may have been heard
	if each := slices.Compact(c.said); len(each) != 2 {
		t.Errorf("of two faults %d events were sent:\n%s", len(each), strings.Join(each, "\n"))
	}
}
