package broker_test

import (
	"errors"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
)

var articles = broker.EventStream{
	Name: "ARTICLES", Subjects: []string{"article.published", "article.unpublished"}, MaxBytes: 1 << 20,
}

// newsroom is a broker with the event stream and a bucket with one record, and
// a CMS that is connected to it.
type newsroom struct {
	broker *broker.Broker
	bucket jetstream.Stream
	cms    *nats.Conn
	errs   chan error // what the server tells the CMS
}

const record = "$KV.gallerywire_galleries.harbour"

func newNewsroom(t *testing.T) newsroom {
	t.Helper()
	n := newsroom{broker: brokertest.Start(t), errs: make(chan error, 16)}
	if _, _, err := n.broker.Events(t.Context(), articles); err != nil {
		t.Fatal(err)
	}
	var err error
	if n.bucket, err = n.broker.Bucket(t.Context(), "galleries"); err != nil {
		t.Fatal(err)
	}
	n.put(t, "the record")
	n.cms = connect(t, n.broker.PublisherURL(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { n.errs <- err }))
	return n
}

func (n newsroom) put(t *testing.T, value string) {
	t.Helper()
	if _, err := n.broker.JetStream().Publish(t.Context(), record, []byte(value)); err != nil {
		t.Fatal(err)
	}
}

// publish publishes as a CMS does and returns the acknowledgement.
func (n newsroom) publish(t *testing.T, subject string) *jetstream.PubAck {
	t.Helper()
	js, err := jetstream.New(n.cms)
	if err != nil {
		t.Fatal(err)
	}
	ack, err := js.Publish(t.Context(), subject, []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	return ack
}

func TestPublisherIsAcknowledged(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	n.publish(t, "article.published")
	ack := n.publish(t, "article.unpublished")
	if ack.Stream != "ARTICLES" || ack.Sequence != 2 {
		t.Errorf("acknowledged %+v", ack)
	}
}

func TestPublisherGetsAnErrorWhenTheStreamIsFull(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	js, err := jetstream.New(n.cms)
	if err != nil {
		t.Fatal(err)
	}
	_, err = js.Publish(t.Context(), "article.published", make([]byte, 2<<20))
	wantError(t, err, "maximum bytes exceeded")
}

func TestPublisherReceivesNotices(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	for _, subject := range []string{"feed.updated", "article.rejected"} {
		received := subscribe(t, n.cms, subject)
		if err := n.broker.Conn().Publish(subject, []byte("notice")); err != nil {
			t.Fatal(err)
		}
		if msg := storetest.Receive(t, subject, received); string(msg.Data) != "notice" || msg.Subject != subject {
			t.Errorf("received %q on %s", msg.Data, msg.Subject)
		}
	}
}

func TestPublisherMayNotSubscribe(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	for _, subject := range []string{
		">", "*.*", "$KV.>", record, "$JS.>", "$JS.API.>", "$SYS.>", broker.InboxPrefix + ".>", "article.published", "article.>",
		"partner.updated", "partner.*", "partner.>",
	} {
		if _, err := n.cms.SubscribeSync(subject); err != nil {
			t.Fatal(err)
		}
		if err := storetest.Receive(t, "the refusal of "+subject, n.errs); !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("subscribe %s: %v", subject, err)
		}
	}
}

func TestPublisherMayNotPublish(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	for _, subject := range []string{
		record, "article.rejected", "feed.updated", "partner.updated", broker.InboxPrefix + ".x", "_INBOX.x", "$SYS.REQ.SERVER.PING",
		"$JS.API.INFO", "$JS.API.STREAM.NAMES", "$JS.API.STREAM.DELETE.KV_gallerywire_galleries",
		"$JS.API.DIRECT.GET.KV_gallerywire_galleries." + record, "$JS.ACK.ARTICLES.gallerywire_intake.1.1.1.1.1",
	} {
		if err := n.cms.Publish(subject, []byte("{}")); err != nil {
			t.Fatal(err)
		}
		if err := storetest.Receive(t, "the refusal of "+subject, n.errs); !errors.Is(err, nats.ErrPermissionViolation) {
			t.Errorf("publish %s: %v", subject, err)
		}
	}
	n.wantUntouched(t)
}

// TestOurSubjectsCannotBeOpenedByWideOnes is about partners' notices: however wide what
// publishers may publish and hear is configured, these are not among it.
func TestOurSubjectsCannotBeOpenedByWideOnes(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, func(o *broker.Options) { o.PublishSubjects, o.NoticeSubjects = []string{"*.*"}, []string{"*.updated"} })
	errs := make(chan error, 1)
	cms := connect(t, b.PublisherURL(), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { errs <- err }))
	heard := subscribe(t, cms, "*.updated")
	if err := cms.Publish("partner.updated", nil); err != nil {
		t.Fatal(err)
	}
	if err := storetest.Receive(t, "the refusal", errs); !errors.Is(err, nats.ErrPermissionViolation) {
		t.Error(err)
	}
	for _, subject := range []string{"partner.updated", "feed.updated"} {
		if err := b.Conn().Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
	}
	if msg := storetest.Receive(t, "the notice", heard); msg.Subject != "feed.updated" {
		t.Errorf("received %s", msg.Subject)
	}
}

// wantUntouched asserts that nobody but the node has written to the bucket.
func (n newsroom) wantUntouched(t *testing.T) {
	t.Helper()
	before, err := n.bucket.GetLastMsgForSubject(t.Context(), record)
	if err != nil || string(before.Data) != "the record" {
		t.Fatalf("the record is %v, %v", before, err)
	}
	// What was on its way to the bucket is stored before this is.
	n.put(t, "the record")
	info, err := n.bucket.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if info.State.LastSeq != 2 || info.State.Msgs != 1 {
		t.Errorf("bucket has %d records, the last is number %d", info.State.Msgs, info.State.LastSeq)
	}
}

func TestAcknowledgementsCannotBeAimed(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	received := subscribe(t, n.broker.Conn(), ">")
	aims := []string{
		record, "article.rejected", "feed.updated", broker.InboxPrefix + ".x",
		"$JS.API.STREAM.DELETE.KV_gallerywire_galleries", "$JS.API.STREAM.PURGE.KV_gallerywire_galleries",
	}
	for _, aim := range aims {
		if err := n.cms.PublishRequest("article.published", aim, nil); err != nil {
			t.Fatal(err)
		}
	}
	traced := nats.NewMsg("article.published")
	traced.Header.Set("Nats-Trace-Dest", record)
	if err := n.cms.PublishMsg(traced); err != nil {
		t.Fatal(err)
	}
	// The stream acknowledges one after the other, so this is the last.
	n.publish(t, "article.published")
	n.wantUntouched(t)
	if err := n.broker.Conn().Publish("end", nil); err != nil {
		t.Fatal(err)
	}
	for msg := storetest.Receive(t, "the end", received); msg.Subject != "end"; msg = storetest.Receive(t, "the end", received) {
		for _, aim := range aims[1:] {
			if msg.Subject == aim {
				t.Errorf("%q arrived on %s", msg.Data, aim)
			}
		}
	}
}

func TestPublisherReceivesNoneOfOurAnswers(t *testing.T) {
	t.Parallel()
	n := newNewsroom(t)
	answers := subscribe(t, n.cms, "_INBOX.>")
	notices := subscribe(t, n.cms, "feed.>")
	if _, err := n.bucket.Info(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := n.broker.Conn().Publish("feed.updated", nil); err != nil {
		t.Fatal(err)
	}
	storetest.Receive(t, "the notice", notices)
	select {
	case msg := <-answers:
		t.Errorf("received %s", msg.Data)
	default:
	}
}

func TestNoticesCannotBePublishedThroughAWideSubject(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t, func(o *broker.Options) { o.PublishSubjects = []string{"article.*"} })
	errs := make(chan error, 1)
	cms := connect(t, b.PublisherURL(), nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { errs <- err }))
	received := subscribe(t, b.Conn(), "article.*")
	if err := cms.Publish("article.rejected", nil); err != nil {
		t.Fatal(err)
	}
	if err := storetest.Receive(t, "the refusal", errs); !errors.Is(err, nats.ErrPermissionViolation) {
		t.Error(err)
	}
	if err := cms.Publish("article.published", nil); err != nil {
		t.Fatal(err)
	}
	if msg := storetest.Receive(t, "the event", received); msg.Subject != "article.published" {
		t.Errorf("received %s", msg.Subject)
	}
}

func TestConnectionsAreAdmittedByToken(t *testing.T) {
	t.Parallel()
	const token = "the token of the newsroom"
	withNamed := func(o *broker.Options) {
		o.Embedded.Publishers = []broker.Publisher{{Name: "blog", Token: "the blog's token"}, {Name: "wire", Token: "the wire's token"}}
	}
	withToken := func(o *broker.Options) { o.Embedded.PublisherToken = token }
	for name, c := range map[string]struct {
		change  func(*broker.Options)
		option  nats.Option
		refused bool
	}{
		"anonymous":                    {option: nats.Name("cms")},
		"anonymous, others are named":  {change: withNamed, option: nats.Name("cms"), refused: true},
		"no token, others are named":   {change: withNamed, option: nats.UserInfo("blog", ""), refused: true},
		"a named one":                  {change: withNamed, option: nats.Token("the blog's token")},
		"a named one with a password":  {change: withNamed, option: nats.UserInfo("wire", "the blog's token")},
		"the name as token":            {change: withNamed, option: nats.Token("blog"), refused: true},
		"node with a named token":      {change: withNamed, option: nats.UserInfo("gallerywire", "the blog's token"), refused: true},
		"some user, no token needed":   {option: nats.UserInfo("cms", "any")},
		"node with a wrong secret":     {option: nats.UserInfo("gallerywire", "wrong"), refused: true},
		"node with an empty secret":    {option: nats.UserInfo("gallerywire", ""), refused: true},
		"anonymous, token needed":      {change: withToken, option: nats.Name("cms"), refused: true},
		"wrong token":                  {change: withToken, option: nats.Token("wrong"), refused: true},
		"token":                        {change: withToken, option: nats.Token(token)},
		"token as password":            {change: withToken, option: nats.UserInfo("cms", token)},
		"node with the token":          {change: withToken, option: nats.UserInfo("gallerywire", token), refused: true},
		"user with the token as name":  {change: withToken, option: nats.UserInfo(token, ""), refused: true},
		"user with the wrong password": {change: withToken, option: nats.UserInfo("cms", "wrong"), refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if c.change == nil {
				c.change = func(*broker.Options) {}
			}
			b := brokertest.Start(t, c.change)
			nc, err := nats.Connect(b.PublisherURL(), c.option, nats.Timeout(storetest.WaitLimit))
			if err == nil {
				nc.Close()
			}
			if c.refused != errors.Is(err, nats.ErrAuthorization) {
				t.Errorf("connect: %v", err)
			}
		})
	}
}

func TestPublisherComesBackAfterARestart(t *testing.T) {
	t.Parallel()
	o := brokertest.Options(t)
	b := open(t, o)
	o.Embedded.Listen = b.PublisherURL()[len("nats://"):]
	back := make(chan struct{}, 1)
	connect(t, b.PublisherURL(), nats.ReconnectWait(10*time.Millisecond), nats.MaxReconnects(-1),
		nats.ReconnectHandler(func(*nats.Conn) { back <- struct{}{} }))
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, o)
	storetest.Receive(t, "the publisher", back)
}
