package intake_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/ingest/intake"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// An event that this program does not survive is rejected, wherever that shows,
// and does not end the program each time it comes.
func TestEventThatPanicsIsRejected(t *testing.T) {
	t.Parallel()
	decode := anybody(event.Reader{})
	for name, change := range map[string]func(*intake.Options){
		"decoding": func(o *intake.Options) {
			o.Decode = func(publisher string, m event.Message) (*event.Event, error) {
				if strings.Contains(string(m.Data), "poison") {
					var none []int
					_ = none[len(m.Data)]
				}
				return decode(publisher, m)
			}
		},
		"storing": func(o *intake.Options) {
			store := o.Store
			o.Store = storeFunc(func(ctx context.Context, e *event.Event, m event.Message) (string, error) {
				if e.GalleryID() == "poison" {
					var none []int
					_ = none[len(m.Data)]
				}
				return store.Put(ctx, e, m)
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, w := newSite(t, brokertest.Start(t)), &watched{t: t}
			var stored memoryStore
			s.run(s.intake(&stored, w.options, change, func(o *intake.Options) { o.InFlight = 1 }))
			for range 5 { // more than may be in hand
				s.send(article("poison", noon))
			}
			s.send(article("harbour", noon))
			s.drained()
			kept := s.list()
			if len(kept) != 5 || len(stored.all()) != 1 {
				t.Fatalf("%d rejects, stored %v", len(kept), stored.all())
			}
			if why := kept[0].Problems.Error(); !strings.Contains(why, "a bug of gallerywire") || !strings.Contains(why, "runtime error") {
				t.Errorf("rejected because %s", why)
			}
			if notified := s.notified.all(); len(notified) != 5 || notified[0].e.Reject != kept[0].Number {
				t.Errorf("notified %+v", notified)
			}
			if !strings.Contains(w.logged(), "report it as a bug") || !strings.Contains(w.logged(), "hostile_test.go") {
				t.Errorf("log %s", w.logged())
			}
		})
	}
}

// What is rejected is logged once a second, with how many there were.
func TestRejectionsAreLoggedOnceASecond(t *testing.T) {
	t.Parallel()
	s, w := newSite(t, brokertest.Start(t)), &watched{t: t}
	stop := s.run(s.intake(new(memoryStore), w.options))
	const flood = 300
	began := time.Now()
	for range flood {
		s.send(`{"id":"harbour"}`)
	}
	s.drained()
	stop()
	most := int(time.Since(began)/time.Second) + 2
	lines, count := 0, 0
	for line := range strings.Lines(w.logged()) {
		_, rest, found := strings.Cut(line, `level=WARN msg="events were rejected: see gallerywire rejects list" count=`)
		if !found {
			continue
		}
		var n, number int
		if _, err := fmt.Sscanf(rest, "%d reject=%d gallery=harbour", &n, &number); err != nil {
			t.Errorf("line %q: %v", line, err)
		}
		lines, count = lines+1, count+n
	}
	if lines == 0 || lines > most || count != flood {
		t.Errorf("%d lines about %d events, want at most %d about %d", lines, count, most, flood)
	}
}

// What is left out of a gallery that is stored is logged with the gallery and names.
func TestLeftOutPartsAreLogged(t *testing.T) {
	t.Parallel()
	s, w := newSite(t, brokertest.Start(t)), &watched{t: t}
	stop := s.run(s.intake(new(memoryStore), w.options))
	s.send(`{"guid":"urn:1","type":"text","headline":"H","versioncreated":"2026-11-20T08:00:00Z","associations":{"sound":{"type":"audio"}}}`)
	s.drained()
	stop()
	want := `level=WARN msg="parts of events are left out" count=1 gallery=urn:1 left_out="/associations/sound: the association \"sound\" is of the type`
	if !strings.Contains(w.logged(), want) {
		t.Errorf("log %s", w.logged())
	}
}

// Delays are measured by intake and not by the server, whose clock may be set
// back: what is given back is given back for now.
func TestRetryIsDelayedByIntakeNotByTheServer(t *testing.T) {
	t.Parallel()
	s := newSite(t, brokertest.Start(t))
	var answers log[string]
	sub, err := s.Broker.Conn().Subscribe("$JS.ACK.ARTICLES.>", func(m *nats.Msg) { answers.add(string(m.Data)) })
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Unsubscribe() }()
	if err := s.Broker.Conn().Flush(); err != nil {
		t.Fatal(err)
	}
	failed := false
	s.run(s.intake(storeFunc(func(context.Context, *event.Event, event.Message) (string, error) {
		if !failed {
			failed = true
			return "", context.DeadlineExceeded
		}
		return "stored", nil
	})))
	s.send(article("harbour", noon))
	s.taken(2)
	storetest.Eventually(t, "the event is acknowledged", func() bool { return len(answers.all()) == 3 })
	if got := answers.all(); fmt.Sprint(got) != "[+WPI -NAK +ACK]" {
		t.Errorf("the server received %q", got)
	}
}

// An intake that ends gives back at once what waits to be tried again.
func TestDelayedRetriesAreReturnedWhenRunEnds(t *testing.T) {
	t.Parallel()
	s := newSite(t, brokertest.Start(t))
	stop := s.run(s.intake(storeFunc(func(context.Context, *event.Event, event.Message) (string, error) {
		return "", context.DeadlineExceeded
	})))
	s.send(article("harbour", noon))
	s.taken(5) // it waits for 4 s now
	stop()
	var stored memoryStore
	s.run(s.intake(&stored))
	s.drained() // by itself the server gives it back only after a test's patience
}

// One consumer's events that take long, or are many, leave those of another
// their share.
func TestConsumersDoNotHoldUpEachOther(t *testing.T) {
	t.Parallel()
	s := newSite(t, brokertest.Start(t))
	if err := s.Broker.JetStream().DeleteConsumer(t.Context(), "ARTICLES", s.Broker.Name("intake")); err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	var stored memoryStore
	slow := storeFunc(func(ctx context.Context, e *event.Event, m event.Message) (string, error) {
		if e.Kind == event.Published {
			<-release
		}
		return stored.Put(ctx, e, m)
	})
	for i := range 100 {
		s.send(article(fmt.Sprint(i), noon))
	}
	s.run(s.intake(slow, func(o *intake.Options) {
		var each []intake.Consumer
		for i, subject := range subjects {
			each = append(each, func(ctx context.Context) (c jetstream.Consumer, foreign bool, err error) {
				return s.consume(ctx, fmt.Sprint("intake-", i), []string{subject})
			})
		}
		o.Consumers, o.InFlight = only(each...), 4
	}))
	s.publish(&nats.Msg{Subject: string(event.Unpublished), Data: []byte(`{"id":"harbour"}`)})
	storetest.Eventually(t, "the take-down passes what hangs", func() bool { return len(stored.all()) == 1 })
	close(release)
	s.drained()
	if got := len(stored.all()); got != 101 {
		t.Errorf("stored %d", got)
	}
}

// A good event behind many bad ones waits about as long as behind good ones.
func TestFloodOfBadEventsDelaysAGoodOneLikeGoodOnes(t *testing.T) {
	const flood = 2_000
	s := newSite(t, brokertest.Start(t))
	l := s.catalogue()
	timed := func(last string, body func(int) string) time.Duration {
		t.Helper()
		js := s.Broker.JetStream()
		for i := range flood {
			if _, err := js.PublishAsync(string(event.Published), []byte(body(i))); err != nil {
				t.Fatal(err)
			}
		}
		<-js.PublishAsyncComplete()
		s.send(article(last, noon))
		stored := make(chan struct{})
		in := s.intake(l, func(o *intake.Options) {
			o.Observe = func(r intake.Report) {
				if r.Gallery == last {
					close(stored)
				}
			}
		})
		began := time.Now()
		stop := s.run(in)
		select {
		case <-stored:
		case <-time.After(5 * storetest.WaitLimit):
			t.Fatal("it is never stored")
		}
		took := time.Since(began)
		s.drained()
		stop()
		return took
	}
	// Whatever else the machine does may meet one of them, but not each time the same.
	for round := range 5 {
		good := timed(fmt.Sprint("behind-good-", round), func(i int) string { return article(fmt.Sprint("good-", round, "-", i), noon) })
		bad := timed(fmt.Sprint("behind-bad-", round), func(i int) string { return fmt.Sprintf(`{"id":"bad-%d"}`, i) })
		t.Logf("behind %d good events %s, behind as many bad ones %s", flood, good, bad)
		if bad <= 2*good {
			return
		}
	}
	t.Error("behind bad events it waits more than twice as long as behind good ones")
}

// One publisher's many bad events leave others their share, and what is rejected
// of it goes back to its own place.
func TestFloodOfOnePublisherLeavesOthersTheirShare(t *testing.T) {
	const flood = 3000
	b := brokertest.Start(t, func(o *broker.Options) {
		o.Embedded.Publishers = []broker.Publisher{{Name: "wire", Token: "w"}, {Name: "blog", Token: "b"}}
	})
	s := &site{t: t, World: storetest.WorldOn(t, b)}
	s.rejects = intake.NewRejects(s.rejectsOptions())
	var consumers []intake.Consumer
	for _, publisher := range []string{"", "wire", "blog"} {
		consumers = append(consumers, func(ctx context.Context) (jetstream.Consumer, bool, error) {
			var of []string
			for _, subject := range subjects {
				of = append(of, broker.SubjectOf(publisher, subject))
			}
			return s.consume(ctx, "intake_"+publisher, of)
		})
	}
	if _, _, err := consumers[0](t.Context()); err != nil { // makes the stream
		t.Fatal(err)
	}
	publish := func(token string, n int, body func(int) string) {
		t.Helper()
		conn, err := nats.Connect(b.PublisherURL(), nats.Token(token), nats.Timeout(10*time.Second))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		js, err := jetstream.New(conn)
		if err != nil {
			t.Fatal(err)
		}
		for i := range n {
			if _, err := js.PublishAsync(string(event.Published), []byte(body(i))); err != nil {
				t.Fatal(err)
			}
		}
		<-js.PublishAsyncComplete()
	}
	publish("w", flood, func(i int) string { return fmt.Sprintf(`{"id":"bad-%d"}`, i) })
	publish("b", 1, func(int) string { return article("harbour", noon) })

	before := make(chan int, 1)
	stop := s.run(s.intake(new(memoryStore), func(o *intake.Options) {
		o.Consumers = only(consumers...)
		o.Observe = func(r intake.Report) {
			s.reports.add(r)
			if r.Outcome == "stored" && r.Publisher == "blog" && r.Subject == string(event.Published) {
				before <- len(s.reports.all())
			}
		}
	}))
	select {
	case n := <-before:
		if n > flood/10 {
			t.Errorf("the other publisher's event is the %dth that is decided", n)
		}
	case <-time.After(storetest.WaitLimit):
		t.Fatal("the other publisher's event is never stored")
	}
	s.drained()
	stop()
	kept := s.list()
	if len(kept) != flood || kept[0].Publisher != "wire" || kept[0].Subject != string(event.Published) {
		t.Fatalf("kept %d rejects, the first %+v", len(kept), kept[0])
	}
	if err := s.rejects.Replay(t.Context(), kept[0].Number); err != nil {
		t.Fatal(err)
	}
	stream, err := b.JetStream().Stream(t.Context(), "ARTICLES")
	if err != nil {
		t.Fatal(err)
	}
	msg, err := stream.GetMsg(t.Context(), stream.CachedInfo().State.LastSeq)
	if err != nil || msg.Subject != "_GW_FROM.wire.article.published" {
		t.Errorf("replayed %+v, %v", msg, err)
	}
}
