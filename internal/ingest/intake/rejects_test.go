package intake_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/gallery"
	"github.com/gallerywire/gallerywire/internal/ingest/intake"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
)

// list returns what is kept among the rejects.
func (s *site) list() []intake.Reject {
	s.t.Helper()
	var all []intake.Reject
	for r, err := range s.rejects.All(s.t.Context()) {
		if err != nil {
			s.t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// headers returns the kept headers as they were.
func headers(r intake.Reject) nats.Header {
	h := nats.Header{}
	for name, values := range r.Header {
		for _, v := range values {
			h[name] = append(h[name], string(v))
		}
	}
	return h
}

func TestRejectHasTheEventAsReceived(t *testing.T) {
	t.Parallel()
	// Right for the event stream, and none of them for any other.
	poison := nats.Header{
		"Nats-Expected-Stream": {"ARTICLES"}, "Nats-Expected-Last-Subject-Sequence": {"0"}, "Nats-Expected-Last-Sequence": {"0"},
		"Nats-Msg-Id": {"1"}, "X-Own": {"a", "b"},
	}
	cases := []struct {
		name   string
		header nats.Header
		body   string
		place  string
	}{
		{"no JSON", nil, "plain\ntext", ""},
		{"empty", nil, "", ""},
		{"invalid UTF-8", nil, "{\"id\":\"\xff\"}", "/id"},
		{"missing fields", nil, `{"id":"harbour"}`, "/title"},
		{"wrong type", nil, `{"id":7}`, "/id"},
		{"unsafe address", nil, `{"id":"a","title":"b","published":"2026-11-20T09:00:00Z","url":"javascript:alert(1)"}`, "/url"},
		{"headers that NATS obeys", poison, `{"id":"harbour"}`, "/title"},
		{"headers that are no text", nats.Header{"X-Latin": {"caf\xe9", "\xff"}, "x-empty": {""}}, `{"id":"harbour"}`, "/title"},
	}
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			s := newSite(t, brokertest.Start(t))
			sequence := s.publish(&nats.Msg{Subject: string(event.Published), Header: test.header, Data: []byte(test.body)})
			s.run(s.intake(new(memoryStore)))
			s.drained()
			kept := s.list()
			if len(kept) != 1 {
				t.Fatalf("kept %d rejects", len(kept))
			}
			r := kept[0]
			if string(r.Body) != test.body || r.Subject != string(event.Published) || r.Sequence != sequence || r.Stored.IsZero() || r.Cut {
				t.Errorf("kept %+v", r)
			}
			if len(r.Problems) == 0 || r.Problems[0].Place != test.place {
				t.Errorf("problems %v, want the place %q", r.Problems, test.place)
			}
			if len(test.header) > 0 && !cmp.Equal(headers(r), test.header) {
				t.Errorf("headers %q", headers(r))
			}
			notified := s.notified.all()
			if len(notified) != 1 || notified[0].e.Reject != r.Number || notified[0].e.Sequence != sequence || !cmp.Equal(notified[0].e.Problems, r.Problems) {
				t.Errorf("notified %+v", notified)
			}
			s.taken(1)
			if got := s.outcomes(); !cmp.Equal(got, []string{"rejected"}) {
				t.Errorf("outcomes %v", got)
			}
		})
	}
}

var problems = gallery.Problems{{Place: "/title", Reason: "missing or blank"}}

// message is an event that was refused.
func message(h nats.Header, body string) event.Message {
	return event.Message{Subject: string(event.Published), Header: h, Data: []byte(body), Stored: noon}
}

func TestRejectWithAnyHeaderIsKept(t *testing.T) {
	t.Parallel()
	s := newSite(t, brokertest.Start(t))
	cases := nats.Header{
		"Nats-Rollup": {"all"}, "Nats-TTL": {"1s"}, "Nats-Schedule": {"@at 2030-01-01T00:00:00Z"}, "Nats-Expected-Last-Sequence": {"999"},
		"Nats-Expected-Last-Msg-Id": {"x"}, "Nats-Batch-Id": {"x"}, "Nats-Incr": {"1"}, "Nats-Required-Api-Level": {"99"}, "Status": {"409"},
	}
	sequence := uint64(0)
	for name, values := range cases {
		sequence++
		if _, err := s.rejects.Add(t.Context(), message(nats.Header{name: values}, "{}"), sequence, problems); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := s.list(); len(got) != len(cases) {
		t.Errorf("kept %d of %d", len(got), len(cases))
	}
}

func TestNewestRejectsComeFirst(t *testing.T) {
	t.Parallel()
	s := newSite(t, brokertest.Start(t))
	if newest, kept, err := s.rejects.Newest(t.Context(), 3); len(newest) != 0 || kept != 0 || err != nil {
		t.Errorf("of none: %v, %d, %v", newest, kept, err)
	}
	for i := range uint64(6) {
		if _, err := s.rejects.Add(t.Context(), message(nil, fmt.Sprint(i+1)), i+1, problems); err != nil {
			t.Fatal(err)
		}
	}
	for _, number := range []uint64{1, 5, 6} {
		if err := s.rejects.Replay(t.Context(), number); err != nil {
			t.Fatal(err)
		}
	}
	for n, want := range map[int]string{2: "[4 3]", 3: "[4 3 2]", 10: "[4 3 2]", 0: "[]"} {
		newest, kept, err := s.rejects.Newest(t.Context(), n)
		if err != nil || kept != 3 {
			t.Errorf("%d kept, %v", kept, err)
		}
		var bodies []string
		for _, r := range newest {
			bodies = append(bodies, string(r.Body))
			if fmt.Sprint(r.Number) != string(r.Body) || len(r.Problems) != 1 {
				t.Errorf("reject %+v", r)
			}
		}
		if got := fmt.Sprint(bodies); got != want {
			t.Errorf("the newest %d: %s, want %s", n, got, want)
		}
	}
}

// The same message, delivered again after a crash between keeping it and
// acknowledging it, is kept once; its sender is notified again, with the same id.
func TestRejectIsKeptOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, brokertest.Start(t))
	m := message(nil, "{}")
	first, err := s.rejects.Add(t.Context(), m, 7, problems)
	if err != nil {
		t.Fatal(err)
	}
	again, err := s.rejects.Add(t.Context(), m, 7, problems)
	if err != nil {
		t.Fatal(err)
	}
	if other, err := s.rejects.Add(t.Context(), m, 8, problems); err != nil || other == first {
		t.Errorf("another message is reject %d, %v", other, err)
	}
	if notified := s.notified.all(); first != again || notified[0].id != notified[1].id || notified[0].id == notified[2].id {
		t.Errorf("kept as %d and %d, notified %v", first, again, notified)
	}
	if got := s.list(); len(got) != 2 {
		t.Errorf("kept %d rejects", len(got))
	}
}

// A sender that could not be notified leaves the event in the stream.
func TestEventStaysUntilItsSenderIsNotified(t *testing.T) {
	t.Parallel()
	s := newSite(t, brokertest.Start(t))
	o := s.rejectsOptions()
	var notified log[string]
	o.Notify = func(_ context.Context, id string, _ event.Refusal) error {
		notified.add(id)
		if len(notified.all()) == 1 {
			return errors.New("no connection")
		}
		return nil
	}
	s.rejects = intake.NewRejects(o)
	s.run(s.intake(new(memoryStore)))
	s.send("{}")
	s.drained()
	if got := notified.all(); len(got) != 2 || got[0] != got[1] {
		t.Errorf("notified %v", got)
	}
	if got := s.list(); len(got) != 1 {
		t.Errorf("kept %d rejects", len(got))
	}
	s.taken(2)
	if got := s.outcomes(); !cmp.Equal(got, []string{"retried", "rejected"}) {
		t.Errorf("outcomes %v", got)
	}
}

// An event as large as a message may be is kept: compressed, or cut where that
// is not enough, at the worst without its headers.
func TestLargeRejectIsCompressedOrCut(t *testing.T) {
	t.Parallel()
	s := newSite(t, brokertest.Start(t))
	const most = 64 << 10
	o := s.rejectsOptions()
	o.MaxPayload = func() int64 { return most }
	rejects := intake.NewRejects(o)
	text := strings.Repeat("the same again ", most/15)
	noise := make([]byte, most)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	huge := nats.Header{"X-Huge": {string(noise[:most-100])}}
	cases := []struct {
		name    string
		m       event.Message
		why     gallery.Problems
		encoded string
		cut     bool
		headers bool
	}{
		{"compressed", message(nats.Header{"X": {"y"}}, text), problems, "gzip", false, true},
		{"cut", message(nats.Header{"X": {"y"}}, string(noise)), problems, "", true, true},
		{"cut without headers", message(huge, string(noise)), problems, "", true, false},
		{"headers alone too large", message(huge, "{}"), problems, "", true, false},
	}
	for i, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			number, err := rejects.Add(t.Context(), test.m, uint64(i+1), test.why)
			if err != nil {
				t.Fatal(err)
			}
			r, err := rejects.Get(t.Context(), number)
			if err != nil {
				t.Fatal(err)
			}
			if r.Encoding != test.encoded || r.Cut != test.cut || (len(r.Header) > 0) != test.headers || r.Size != len(test.m.Data) {
				t.Errorf("encoding %q, cut %t, %d headers, size %d", r.Encoding, r.Cut, len(r.Header), r.Size)
			}
			if !test.cut && !bytes.Equal(r.Body, test.m.Data) || !bytes.HasPrefix(test.m.Data, r.Body) {
				t.Errorf("kept %d bytes that are not those of the event", len(r.Body))
			}
			if err := rejects.Replay(t.Context(), number); test.cut != errors.Is(err, intake.ErrCut) {
				t.Errorf("replay: %v", err)
			}
		})
	}
}

func TestOversizedEventIsRejected(t *testing.T) {
	t.Parallel()
	s := newSite(t, brokertest.Start(t))
	s.run(s.intake(new(memoryStore), func(o *intake.Options) { o.Decode = anybody(event.Reader{MaxBytes: 1000}) }))
	body := strings.Repeat("x", int(s.Broker.MaxPayload())-100)
	s.send(body)
	s.drained()
	if got := s.list(); len(got) != 1 || string(got[0].Body) != body || !strings.Contains(got[0].Problems.Error(), "events.max_event") {
		t.Errorf("kept %d rejects", len(got))
	}
}

// A mended service takes a replayed event in, without what belonged to NATS.
func TestReplayIsTakenIn(t *testing.T) {
	t.Parallel()
	s := newSite(t, brokertest.Start(t))
	body := article("harbour", noon)
	h := nats.Header{"Nats-Expected-Last-Sequence": {"999"}, "nats-msg-id": {"1"}, "X-Own": {"a", "b"}, "X-Latin": {"caf\xe9"}}
	number, err := s.rejects.Add(t.Context(), message(h, body), 1, problems)
	if err != nil {
		t.Fatal(err)
	}
	var got log[event.Message]
	s.run(s.intake(storeFunc(func(_ context.Context, _ *event.Event, m event.Message) (string, error) {
		got.add(m)
		return "stored", nil
	})))
	if err := s.rejects.Replay(t.Context(), number); err != nil {
		t.Fatal(err)
	}
	s.drained()
	want := map[string][]string{"X-Own": {"a", "b"}, "X-Latin": {"caf\xe9"}}
	if m := got.all()[0]; string(m.Data) != body || !cmp.Equal(m.Header, want) {
		t.Errorf("came with %v: %s", m.Header, m.Data)
	}
	if left := s.list(); len(left) != 0 {
		t.Errorf("%d rejects are still kept", len(left))
	}
	for name, err := range map[string]error{"replay": s.rejects.Replay(t.Context(), number), "get": lookUp(t, s, number)} {
		if !errors.Is(err, intake.ErrNoReject) {
			t.Errorf("%s again: %v", name, err)
		}
	}
}

func lookUp(t *testing.T, s *site, number uint64) error {
	_, err := s.rejects.Get(t.Context(), number)
	return err
}

func TestRejectStaysWhenItsStreamIsAway(t *testing.T) {
	t.Parallel()
	s := newSite(t, brokertest.Start(t))
	number, err := s.rejects.Add(t.Context(), message(nil, "{}"), 1, problems)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Broker.JetStream().DeleteStream(t.Context(), "ARTICLES"); err != nil {
		t.Fatal(err)
	}
	if err := s.rejects.Replay(t.Context(), number); err == nil {
		t.Error("replayed to nowhere")
	}
	if got := s.list(); len(got) != 1 {
		t.Errorf("kept %d rejects", len(got))
	}
}

// Good events come through a flood of bad ones.
func TestGoodEventsPassAFloodOfBadOnes(t *testing.T) {
	t.Parallel()
	s := newSite(t, brokertest.Start(t))
	var stored memoryStore
	s.run(s.intake(&stored))
	const flood = 500
	for i := range flood {
		s.send(strings.Repeat("[", i))
	}
	for i := range 20 {
		s.send(article(fmt.Sprint("between-", i), noon))
	}
	s.drained()
	if got := s.list(); len(got) != flood || len(stored.all()) != 20 {
		t.Errorf("%d rejects, %d stored", len(got), len(stored.all()))
	}
}

// An empty event with the headers of a status is an event all the same, and no
// word of the server.
func TestEventWithAStatusHeaderIsAnEvent(t *testing.T) {
	t.Parallel()
	s := newSite(t, brokertest.Start(t))
	var stored memoryStore
	s.run(s.intake(&stored))
	statuses := []nats.Header{
		{"Status": {"409"}, "Description": {"Consumer Deleted"}}, {"Status": {"400"}}, {"Status": {"408"}}, {"Status": {"100"}}, {"Status": {"503"}},
	}
	for i, h := range statuses {
		s.publish(&nats.Msg{Subject: string(event.Published), Header: h})
		s.send(article(fmt.Sprint("gallery-", i), noon))
	}
	s.drained()
	if got := s.list(); len(got) != len(statuses) || len(stored.all()) != len(statuses) {
		t.Errorf("%d rejects, %d stored, want %d of each", len(got), len(stored.all()), len(statuses))
	}
}
