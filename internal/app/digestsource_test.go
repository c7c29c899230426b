package app

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/catalogue"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/gallerywire/gallerywire/internal/syndicate/edition"
	"github.com/gallerywire/gallerywire/internal/syndicate/feed"
	"github.com/nats-io/nats.go"
)

func bucketOfGalleries(b *broker.Broker) *catalogue.Catalogue {
	return catalogue.New(catalogue.Options{
		Bucket: bucketOptions(b, bucketGalleries, slog.New(slog.DiscardHandler)), Decode: event.Reader{}.Gallery,
	})
}

// Pending digests are sent as soon as a node starts, which may be
// before it knows of the galleries in it: they must not be taken for gone.
func TestDigestWaitsForGalleriesTheNodeCannotReadYet(t *testing.T) {
	t.Parallel()
	b := brokertest.Start(t)
	if _, err := b.Bucket(t.Context(), bucketGalleries); err != nil {
		t.Fatal(err)
	}
	ack, err := b.JetStream().PublishMsg(t.Context(), &nats.Msg{
		Subject: "$KV." + b.Name(bucketGalleries) + ".newer", Header: nats.Header{"Gallerywire-Format": {"99"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	cat := bucketOfGalleries(b)
	public := edition.New(edition.Options{Index: cat.Index(), Load: cat.Load, Renderer: feed.NewRenderer(feed.Options{SiteID: "example.com"})})
	source := digestSource{partners: &partners{public: public}, index: cat.Index(), load: cat.Load, now: time.Now}
	read := func(key string) (found bool, err error) {
		_, found, err = source.View(t.Context(), []string{"all"}, key)
		return found, err
	}
	if found, err := read("harbour"); found || err == nil {
		t.Errorf("before the index is whole: found %v, error %v", found, err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- cat.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-done
	})
	storetest.Eventually(t, "the index is whole", func() bool { return cat.Index().Ready() == nil })
	if cat.Index().Find("newer") == nil {
		t.Fatalf("the record %d is not in the index", ack.Sequence)
	}
	if found, err := read("newer"); found || err == nil {
		t.Errorf("while nodes are upgraded: found %v, error %v", found, err)
	}
	if found, err := read("never"); found || err != nil {
		t.Errorf("one that is not there: found %v, error %v", found, err)
	}
}
