package brokertest_test

import (
	"testing"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
)

func TestServerKeepsItsPortAndWhatItStored(t *testing.T) {
	e := brokertest.Server(t)
	url := e.URL()
	publish(t, url)
	e.Restart()
	if e.URL() != url {
		t.Errorf("moved from %s to %s", url, e.URL())
	}
	if got := publish(t, url); got != 2 {
		t.Errorf("sequence %d after a restart, want 2", got)
	}
	e.Wipe()
	e.Start()
	if got := publish(t, url); got != 1 {
		t.Errorf("sequence %d on a new disk, want 1", got)
	}
}

// publish stores one message and returns its sequence.
func publish(t *testing.T, url string) uint64 {
	t.Helper()
	b, err := broker.DialOperator(t.Context(), broker.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if _, err := b.Bucket(t.Context(), "galleries"); err != nil {
		t.Fatal(err)
	}
	ack, err := b.JetStream().Publish(t.Context(), "$KV.gallerywire_galleries.a", nil)
	if err != nil {
		t.Fatal(err)
	}
	return ack.Sequence
}

func TestStartIsOfTheTestAlone(t *testing.T) {
	a, b := brokertest.Start(t), brokertest.Start(t)
	if a.PublisherURL() == b.PublisherURL() {
		t.Error("two brokers at one address")
	}
}
