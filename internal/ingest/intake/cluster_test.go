package intake_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/gallerywire/gallerywire/internal/event"
	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
	"github.com/gallerywire/gallerywire/internal/store/storetest"
	"github.com/nats-io/nats.go/jetstream"
)

// However often other servers of a cluster take over the events, the consumer and
// the galleries, every acknowledged event is in the index, whole.
func TestLeadersOfAClusterChange(t *testing.T) {
	t.Parallel()
	const many = 150
	c := brokertest.StartCluster(t)
	s := newSite(t, brokertest.Connect(t, c.URL(), func(o *broker.Options) { o.Replicas = 3 }))
	store := s.catalogue()
	s.run(s.intake(store))
	for i := range many {
		body := []byte(article(fmt.Sprintf("gallery-%d", i), noon))
		storetest.Eventually(t, "the event is stored", func() bool {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := s.Broker.JetStream().Publish(ctx, string(event.Published), body, jetstream.WithMsgID(fmt.Sprint(i)))
			return err == nil
		})
		switch i % 30 {
		case 10:
			c.StepDown("ARTICLES")
		case 20:
			c.StepDown("KV_" + s.Broker.Name("galleries"))
		}
	}
	s.drained()
	for i := range many {
		key := fmt.Sprintf("gallery-%d", i)
		storetest.Eventually(t, key+" is in the index", func() bool { return store.Index().Find(key) != nil })
	}
	if rejected := s.list(); len(rejected) > 0 {
		t.Errorf("rejected: %v", rejected)
	}
}
