package intake_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/nats-io/nats.go/jetstream"
)

// However often other servers of a cluster take over the events, the consumer and
// the galleries, what a publisher was told is stored is in the index, whole.
func TestLeadersOfAClusterChange(t *testing.T) {
	const many = 150
	c := brokertest.StartCluster(t)
	s := newSite(t, brokertest.Start(t, func(o *broker.Options) {
		o.URL, o.Embedded, o.Replicas = c.URL(), broker.Embedded{}, 3
	}))
	store := newCatalogueStore(t, s.broker)
	s.run(s.intake(store))
	for i := range many {
		body := []byte(article(fmt.Sprintf("gallery-%d", i), noon))
		eventually(t, "the event is stored", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := s.broker.JetStream().Publish(ctx, string(event.Published), body, jetstream.WithMsgID(fmt.Sprint(i)))
			return err == nil
		})
		switch i % 30 {
		case 10:
			c.StepDown("ARTICLES")
		case 20:
			c.StepDown("KV_" + s.broker.Name("galleries"))
		}
	}
	s.drained()
	for i := range many {
		key := fmt.Sprintf("gallery-%d", i)
		eventually(t, key+" is in the index", func() bool { return store.Index().Find(key) != nil })
	}
	if rejected := s.list(); len(rejected) > 0 {
		t.Errorf("rejected: %v", rejected)
	}
}
