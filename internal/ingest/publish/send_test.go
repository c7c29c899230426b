package publish_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/ingest/publish"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

var subjects = []string{"article.published", "article.unpublished"}

// connect starts a server and connects to it as a CMS does.
func connect(t *testing.T) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect(brokertest.Server(t).URL(), nats.Timeout(10*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// stream makes the event stream; limits can be changed before.
func stream(t *testing.T, conn *nats.Conn, change ...func(*jetstream.StreamConfig)) jetstream.Stream {
	t.Helper()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	cfg := jetstream.StreamConfig{Name: "ARTICLES", Subjects: subjects, Retention: jetstream.WorkQueuePolicy, Discard: jetstream.DiscardNew}
	for _, f := range change {
		f(&cfg)
	}
	s, err := js.CreateStream(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func send(t *testing.T, conn *nats.Conn, items ...publish.Item) []publish.Receipt {
	t.Helper()
	sender, err := publish.OverNATS(conn, subjects, 0)
	if err != nil {
		t.Fatal(err)
	}
	var receipts []publish.Receipt
	if err := sender.Send(t.Context(), slices.Values(items), func(r publish.Receipt) { receipts = append(receipts, r) }); err != nil {
		t.Fatal(err)
	}
	if len(receipts) != len(items) {
		t.Fatalf("%d receipts for %d items", len(receipts), len(items))
	}
	return receipts
}

func item(id string) publish.Item {
	return publish.Item{Name: id, ID: id, Kind: event.Published, Data: []byte(good(id))}
}

func TestReceiptsComeInOrder(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	s := stream(t, conn)
	var items []publish.Item
	for n := range 300 { // several windows
		items = append(items, item(fmt.Sprint("g", n)))
	}
	for n, r := range send(t, conn, items...) {
		if r.Err != nil || r.Item.ID != items[n].ID || r.Sequence != uint64(n+1) || r.Stream != "ARTICLES" {
			t.Fatalf("receipt %d: %+v", n, r)
		}
	}
	msg, err := s.GetMsg(t.Context(), 300)
	if err != nil || string(msg.Data) != good("g299") || msg.Subject != "article.published" {
		t.Errorf("stored %+v: %v", msg, err)
	}
}

// An event that is sent again, because it was rejected before or anything else,
// is in the stream again, however long that remembers ids.
func TestAnEventSentAgainIsSent(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	stream(t, conn)
	send(t, conn, item("a"), item("b"))
	if r := send(t, conn, item("b"))[0]; r.Err != nil || r.Sequence != 3 {
		t.Errorf("sent again: %+v", r)
	}
}

func TestATakeDownGoesToItsSubject(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	s := stream(t, conn)
	down, err := publish.TakeDown("a", "", 0, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if r := send(t, conn, down)[0]; r.Err != nil {
		t.Fatal(r.Err)
	}
	if msg, err := s.GetMsg(t.Context(), 1); err != nil || msg.Subject != "article.unpublished" {
		t.Errorf("stored %+v: %v", msg, err)
	}
}

func TestFullStreamIsAnError(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	stream(t, conn, func(c *jetstream.StreamConfig) { c.MaxMsgs = 2 })
	receipts := send(t, conn, item("a"), item("b"), item("c"))
	for n, full := range []bool{false, false, true} {
		if err := receipts[n].Err; (err != nil) != full {
			t.Errorf("receipt %d: %v", n, err)
		}
	}
	if err := receipts[2].Err; err == nil || !strings.Contains(err.Error(), "full") {
		t.Errorf("error %v", err)
	}
}

// A server whose disk gives no more says so, and what helps.
func TestFullDiskIsAnError(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, func(o *broker.Options) { o.Embedded.StoreLimit = 1 << 20 })
	stream(t, b.Conn())
	large := item("a")
	large.Data = make([]byte, 600<<10)
	receipts := send(t, b.Conn(), large, large, large)
	if err := receipts[2].Err; receipts[0].Err != nil || err == nil || !strings.Contains(err.Error(), "when there is room on its disk") {
		t.Errorf("receipts %+v", receipts)
	}
}

func TestNoEventStreamIsAnError(t *testing.T) {
	t.Parallel()
	if err := send(t, connect(t), item("a"))[0].Err; !errors.Is(err, jetstream.ErrNoStreamResponse) || !strings.Contains(err.Error(), `"gallerywire health" says why`) {
		t.Errorf("error %v", err)
	}
}

func TestAnEventLargerThanTheServerTakes(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	stream(t, conn)
	large := item("a")
	large.Data = make([]byte, conn.MaxPayload()+1)
	receipts := send(t, conn, large, item("b"))
	if !errors.Is(receipts[0].Err, nats.ErrMaxPayload) || receipts[1].Err != nil {
		t.Errorf("receipts %v, %v", receipts[0].Err, receipts[1].Err)
	}
}

func TestAFaultyItemIsNotSent(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	stream(t, conn)
	fault := errors.New("no title")
	bad := item("a")
	bad.Fault = fault
	receipts := send(t, conn, bad, item("b"))
	if !errors.Is(receipts[0].Err, fault) || receipts[1].Sequence != 1 {
		t.Errorf("receipts %+v", receipts)
	}
}

func TestSubjectsAreFoundByTheirEnds(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "CMS", Subjects: []string{"cms.>"}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		subjects []string
		kind     event.Kind
		taken    bool
	}{
		{[]string{"cms.unpublished", "cms.published"}, event.Published, true},
		{[]string{"cms.published", "cms.unpublished"}, event.Unpublished, true},
		{[]string{"cms.articles"}, event.Published, true},
		{[]string{"cms.published"}, event.Unpublished, false},
		{nil, event.Published, false},
	} {
		sender, err := publish.OverNATS(conn, c.subjects, 0)
		if err != nil {
			t.Fatal(err)
		}
		one := item("a")
		one.Kind = c.kind
		if err := sender.Send(t.Context(), slices.Values([]publish.Item{one}), func(r publish.Receipt) {
			if (r.Err == nil) != c.taken {
				t.Errorf("%v takes %s: %v", c.subjects, c.kind, r.Err)
			}
		}); err != nil {
			t.Error(err)
		}
	}
}

func TestSendEndsWithItsContext(t *testing.T) {
	t.Parallel()
	conn := connect(t)
	stream(t, conn)
	sender, err := publish.OverNATS(conn, subjects, 0)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	given, done := 0, 0
	endless := func(yield func(publish.Item) bool) {
		for yield(item(fmt.Sprint("g", given))) {
			if given++; given == 100 {
				cancel()
			}
		}
	}
	if err := sender.Send(ctx, endless, func(publish.Receipt) { done++ }); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if given != 100 || done != given {
		t.Errorf("%d receipts for %d items", done, given)
	}
}
