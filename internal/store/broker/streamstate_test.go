package broker_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
)

// A crash leaves a summary of the stream that is older than the stream, and names a
// file that is gone because all messages in it were taken.
func TestStreamStateAfterACrash(t *testing.T) {
	t.Parallel()
	o := brokertest.Options(t)
	b := open(t, o)
	wantState(t, b, broker.StreamState{})
	if _, _, err := b.Events(t.Context(), articles); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		if _, err := b.JetStream().Publish(t.Context(), "article.published", []byte("{}")); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Close(); err != nil { // writes the summary: five messages
		t.Fatal(err)
	}
	b = open(t, o)
	takeAll(t, b, 5)
	o.Embedded.DataDir = crashed(t, o.Embedded.DataDir)
	wantState(t, open(t, o), broker.StreamState{There: true, Last: 5})
}

func wantState(t *testing.T, b *broker.Broker, want broker.StreamState) {
	t.Helper()
	if state, err := b.StreamState(t.Context(), articles.Name); err != nil || state != want {
		t.Errorf("the state is %+v, %v, want %+v", state, err, want)
	}
}

// takeAll acknowledges the n events of the stream.
func takeAll(t *testing.T, b *broker.Broker, n int) {
	t.Helper()
	stream, _, err := b.Events(t.Context(), articles)
	if err != nil {
		t.Fatal(err)
	}
	consumer, err := b.Consumer(t.Context(), stream, broker.Consumer{Name: "intake", MaxAckPending: n})
	if err != nil {
		t.Fatal(err)
	}
	batch, err := consumer.Fetch(n)
	if err != nil {
		t.Fatal(err)
	}
	for msg := range batch.Messages() {
		if err := msg.DoubleAck(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// crashed returns a copy of a data directory as a crash at this moment leaves it.
func crashed(t *testing.T, dataDir string) string {
	t.Helper()
	left := filepath.Join(t.TempDir(), "data")
	if err := os.CopyFS(filepath.Join(left, "jetstream"), os.DirFS(filepath.Join(dataDir, "jetstream"))); err != nil {
		t.Fatal(err)
	}
	return left
}
