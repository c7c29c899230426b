package app_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// An event that was refused is taken in when it is mended and sent again, under
// the id that it had, and so is one whose id somebody else used.
func TestRejectedEventIsAcceptedWhenMended(t *testing.T) {
	t.Parallel()
	node := serve(t, oneFeed+`nats: {embedded: {listen: "127.0.0.1:0"}}`)
	node.ready()
	cms, other := connect(t, node.nats), connect(t, node.nats)
	refused, err := cms.SubscribeSync("article.rejected")
	if err != nil {
		t.Fatal(err)
	}
	if err := cms.Flush(); err != nil {
		t.Fatal(err)
	}
	send := func(conn *nats.Conn, id, body string) (ack jetstream.PubAck) {
		t.Helper()
		msg := &nats.Msg{Subject: "article.published", Header: nats.Header{nats.MsgIdHdr: {id}}, Data: []byte(body)}
		var answer *nats.Msg
		var err error
		node.eventually("the stream is there", func() bool {
			answer, err = conn.RequestMsg(msg, storetest.WaitLimit)
			return !errors.Is(err, nats.ErrNoResponders)
		})
		if err != nil {
			t.Fatalf("%v\n%s", err, node.logs)
		}
		if err := json.Unmarshal(answer.Data, &ack); err != nil || ack.Sequence == 0 {
			t.Fatalf("answer %s, %v", answer.Data, err)
		}
		return ack
	}
	first := send(cms, "7", `{"id": "harbour", "published": "2026-11-20T09:00:00Z"}`)
	notice, err := refused.NextMsg(storetest.WaitLimit)
	if err != nil || !strings.Contains(string(notice.Data), "/title") {
		t.Fatalf("notice %v, %v", notice, err)
	}
	if got := sequenceOf(t, notice); got != first.Sequence {
		t.Errorf("the notice is of the event %d, sent was %d", got, first.Sequence)
	}
	node.eventually("the mended event is stored", func() bool {
		ack := send(cms, "7", `{"id": "harbour", "title": "Mended", "published": "2026-11-20T09:00:00Z"}`)
		return !ack.Duplicate && ack.Sequence > first.Sequence
	})
	node.eventually("the event of another is stored", func() bool {
		ack := send(other, "7", `{"id": "dusk", "title": "Another", "published": "2026-11-20T09:00:00Z"}`)
		return !ack.Duplicate
	})
	node.eventually("both are in the feed", func() bool {
		_, feed := node.get("/feeds/all.json")
		return strings.Contains(feed, "Mended") && strings.Contains(feed, "Another")
	})
}

// sequenceOf is that of the event that article.rejected is about.
func sequenceOf(t *testing.T, notice *nats.Msg) uint64 {
	t.Helper()
	var e struct{ Data struct{ Sequence uint64 } }
	if err := json.Unmarshal(notice.Data, &e); err != nil {
		t.Fatal(err)
	}
	return e.Data.Sequence
}

// Whichever node of a cluster rejects it, and whichever server acknowledged it, an
// event is distinguished by the sequence of its acknowledgement.
func TestARejectionInAClusterHasTheSequenceOfItsAcknowledgement(t *testing.T) {
	t.Parallel()
	url := brokertest.StartCluster(t).URL()
	for range 2 {
		serve(t, oneFeed+fmt.Sprintf("nats: {url: %q, replicas: 3}", url)).ready()
	}
	cms := connect(t, url)
	refused, err := cms.SubscribeSync("article.rejected")
	if err != nil {
		t.Fatal(err)
	}
	if err := cms.Flush(); err != nil {
		t.Fatal(err)
	}
	sent := map[uint64]bool{}
	for range 10 {
		sent[publish(t, cms, "article.published", `not JSON`)] = true
		publish(t, cms, "article.published", `{"id": "a", "title": "A", "published": "2026-11-20T09:00:00Z"}`)
	}
	for named := map[uint64]bool{}; len(named) < 10; { // one may come twice
		notice, err := refused.NextMsg(storetest.WaitLimit)
		if err != nil {
			t.Fatal(err)
		}
		if named[sequenceOf(t, notice)] = true; !sent[sequenceOf(t, notice)] {
			t.Errorf("the sequence %d is of no acknowledgement of %v", sequenceOf(t, notice), sent)
		}
	}
}

// A node that takes no events in says so, wherever it is asked, with the remedy.
// Readers keep what there is.
func TestNodeThatReadsNoEventsSaysSo(t *testing.T) {
	t.Parallel()
	server := brokertest.Server(t)
	js, err := jetstream.New(connect(t, server.URL()))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name: "ARTICLES", Subjects: []string{"article.published", "article.unpublished"}, Retention: jetstream.WorkQueuePolicy,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := stream.CreateConsumer(t.Context(), jetstream.ConsumerConfig{Durable: "somebody", AckPolicy: jetstream.AckExplicitPolicy}); err != nil {
		t.Fatal(err)
	}
	node := serve(t, oneFeed+`nats: {url: "`+server.URL()+`"}`)
	node.ready()
	const why = "there is somebody: delete that one"
	node.eventually("readiness has it", func() bool {
		resp, text := node.get("/readyz")
		return resp.StatusCode == http.StatusOK && strings.HasPrefix(text, "ready\nevents cannot be read since ") && strings.Contains(text, why)
	})
	if _, text := node.fetch(node.admin + "/status.json"); !strings.Contains(text, why) {
		t.Errorf("status %s", text)
	}
	if !strings.Contains(node.metrics(), "\ngallerywire_intake_stuck 1\n") {
		t.Error("gallerywire_intake_stuck is not 1")
	}
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(path, "health", "--url", node.http).Output(); err != nil || !strings.HasPrefix(string(out), "ready\n") || !strings.Contains(string(out), why) {
		t.Errorf("health says %q, %v", out, err)
	}

	if err := stream.DeleteConsumer(t.Context(), "somebody"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	node.eventually("it reads", func() bool {
		_, text := node.get("/readyz")
		return text == "ready\n"
	})
	t.Logf("reads again after %s", time.Since(began))
}
