package broker_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/gallerywire/gallerywire/internal/store/broker"
	"github.com/gallerywire/gallerywire/internal/store/broker/brokertest"
)

// A process that dies while the server writes the description of a stream or of a
// consumer costs neither.
func TestMissingChecksumIsCompleted(t *testing.T) {
	t.Parallel()
	for name, harm := range map[string]func(t *testing.T, dir string){
		"not there yet": func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "meta.sum")); err != nil {
				t.Fatal(err)
			}
		},
		"of the description before": func(t *testing.T, dir string) {
			rewrite(t, dir, time.Second)
		},
	} {
		for _, of := range []string{"", "obs/reader"} {
			t.Run(name+" "+of, func(t *testing.T) {
				stream, consumers := restarted(t, func(dir string) { harm(t, filepath.Join(dir, of)) })
				if stream != 1 || consumers != 1 {
					t.Errorf("%d messages and %d consumers are left", stream, consumers)
				}
			})
		}
	}
}

func TestDamagedDescriptionStaysDamaged(t *testing.T) {
	t.Parallel()
	stream, _ := restarted(t, func(dir string) {
		rewrite(t, dir, -time.Hour)
	})
	if stream != -1 {
		t.Errorf("a stream with a damaged description has %d messages", stream)
	}
}

// rewrite changes the description below dir, and sets when it was written to so long
// after its check sum. The file system's clock need not be the test's.
func rewrite(t *testing.T, dir string, after time.Duration) {
	t.Helper()
	file := filepath.Join(dir, "meta.inf")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sum, err := os.Stat(filepath.Join(dir, "meta.sum"))
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(text), "{", `{"description":"another",`, 1)
	if err := os.WriteFile(file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	at := sum.ModTime().Add(after)
	if err := os.Chtimes(file, at, at); err != nil {
		t.Fatal(err)
	}
}

// restarted stores a message in a stream with a consumer, harms the stream's
// directory while the server is stopped, and returns how many messages and consumers
// it has afterwards; -1: there is no stream.
func restarted(t *testing.T, harm func(dir string)) (messages, consumers int) {
	t.Helper()
	o := brokertest.Options(t)
	b, err := broker.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	makeStream(t, b, rejects(b))
	if _, err := b.JetStream().CreateOrUpdateConsumer(t.Context(), b.Name("rejects"), jetstream.ConsumerConfig{Durable: "reader"}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.JetStream().Publish(t.Context(), b.Name("rejects")+".a", []byte("kept")); err != nil {
		t.Fatal(err)
	}
	name := b.Name("rejects")
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	harm(filepath.Join(o.Embedded.DataDir, "jetstream", "$G", "streams", name))
	if b, err = broker.Open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	s, err := b.JetStream().Stream(t.Context(), name)
	if err != nil {
		return -1, 0
	}
	return int(s.CachedInfo().State.Msgs), s.CachedInfo().State.Consumers
}
