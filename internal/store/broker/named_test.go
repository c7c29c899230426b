package broker_test

import (
	"errors"
	"testing"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
)

func named(o *broker.Options) {
	o.Embedded.PublisherToken = "anybody"
	o.Embedded.Publishers = []broker.Publisher{{Name: "blog", Token: "b"}, {Name: "wire", Token: "w"}}
}

func publishAs(t *testing.T, conn *nats.Conn, subject string, header ...string) (*jetstream.PubAck, error) {
	t.Helper()
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	msg := nats.NewMsg(subject)
	for i := 0; i < len(header); i += 2 {
		msg.Header.Set(header[i], header[i+1])
	}
	return js.PublishMsg(t.Context(), msg)
}

func TestSubjectNamesThePublisher(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, named, func(o *broker.Options) {
		o.PublishSubjects = []string{"article.published", "cms.*.published", "raw.>"}
	})
	stream, foreign, err := b.Events(t.Context(), broker.EventStream{
		Name: "ARTICLES", Subjects: []string{"article.published", "cms.*.published", "raw.>"}, MaxBytes: 1 << 20,
	})
	if err != nil || foreign {
		t.Fatal(foreign, err)
	}
	for token, publisher := range map[string]string{"anybody": "", "b": "blog", "w": "wire"} {
		conn := connect(t, b.PublisherURL(), nats.Token(token))
		for _, subject := range []string{"article.published", "cms.sport.published", "raw.a.b"} {
			// What a client says of itself changes nothing.
			ack, err := publishAs(t, conn, subject, "Nats-Request-Info", `{"acc":"PUBLISHERS_wire","user":"wire"}`, "Publisher", "wire")
			if err != nil {
				t.Fatal(err)
			}
			msg, err := stream.GetMsg(t.Context(), ack.Sequence)
			if err != nil {
				t.Fatal(err)
			}
			who, plain := broker.PublisherOf(msg.Subject)
			if who != publisher || plain != subject || broker.SubjectOf(who, plain) != msg.Subject {
				t.Errorf("%s on %s arrives on %s: of %q, on %s", publisher, subject, msg.Subject, who, plain)
			}
		}
	}
	for _, subject := range []string{"article.published", "_GW_FROM", "_GW_FROM.x", "a._GW_FROM.x.y"} {
		if who, plain := broker.PublisherOf(subject); who != "" || plain != subject {
			t.Errorf("%s is of %q on %s", subject, who, plain)
		}
	}
}

func TestPublishersReceiveTheirOwnAnswersOnly(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, named)
	if _, _, err := b.Events(t.Context(), articles); err != nil {
		t.Fatal(err)
	}
	wire := connect(t, b.PublisherURL(), nats.Token("w"))
	received := subscribe(t, wire, "_INBOX.>")
	notices := subscribe(t, wire, "feed.>")
	for _, token := range []string{"b", "anybody"} {
		if _, err := publishAs(t, connect(t, b.PublisherURL(), nats.Token(token)), "article.published"); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Conn().Publish("feed.updated", nil); err != nil {
		t.Fatal(err)
	}
	storetest.Receive(t, "the notice", notices)
	select {
	case msg := <-received:
		t.Errorf("received from another: %s", msg.Data)
	default:
	}
}

func TestPublisherCannotPublishAsAnother(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, named, func(o *broker.Options) { o.PublishSubjects = []string{"article.published", "*.*.*.*"} })
	all := subscribe(t, b.Conn(), "_GW_FROM.>")
	errs := make(chan error, 4)
	blog := connect(t, b.PublisherURL(), nats.Token("b"), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { errs <- err }))
	if err := blog.Publish("_GW_FROM.wire.article.published.x", nil); err != nil {
		t.Fatal(err)
	}
	if err := storetest.Receive(t, "the refusal", errs); !errors.Is(err, nats.ErrPermissionViolation) {
		t.Error(err)
	}
	if err := blog.Publish("_GW_FROM.wire.article.published", nil); err != nil {
		t.Fatal(err)
	}
	if err := storetest.Receive(t, "the refusal", errs); !errors.Is(err, nats.ErrPermissionViolation) {
		t.Error(err)
	}
	if err := blog.PublishRequest("article.published", "_GW_FROM.wire.article.published", nil); err != nil {
		t.Fatal(err)
	}
	if msg := storetest.Receive(t, "the event", all); msg.Subject != "_GW_FROM.blog.article.published" {
		t.Errorf("received %s", msg.Subject)
	}
}

func TestExistingStreamGetsSubjectsOfNamedPublishers(t *testing.T) {
	t.Parallel()
	o := brokertest.Options(t)
	b := open(t, o)
	if _, _, err := b.Events(t.Context(), articles); err != nil {
		t.Fatal(err)
	}
	if _, err := publishAs(t, connect(t, b.PublisherURL()), "article.published"); err != nil {
		t.Fatal(err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	named(&o)
	b = open(t, o)
	stream, _, err := b.Events(t.Context(), articles)
	if err != nil {
		t.Fatal(err)
	}
	ack, err := publishAs(t, connect(t, b.PublisherURL(), nats.Token("b")), "article.published")
	if err != nil || ack.Sequence != 2 {
		t.Errorf("acknowledged %+v, %v", ack, err)
	}
	for _, name := range []string{"", "_former", "_blog"} {
		publisher := ""
		if name != "" {
			publisher = name[1:]
		}
		if _, err := b.Consumer(t.Context(), stream, broker.Consumer{
			Name: "intake" + name, FilterSubjects: []string{broker.SubjectOf(publisher, "article.published")},
		}); err != nil {
			t.Fatal(err)
		}
	}
	names, err := b.Publishers(t.Context(), stream, "intake")
	if err != nil || len(names) != 3 || names[0] != "blog" || names[1] != "wire" || names[2] != "former" {
		t.Errorf("publishers %v, %v", names, err)
	}
}
